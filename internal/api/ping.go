package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxPing is how much of a ping's body is read and kept.
const maxPing = 1 << 10

// ping records a heartbeat. Whatever the token is, the answer is the same: who
// guesses learns nothing.
func (s *server) ping(w http.ResponseWriter, r *http.Request) {
	outcome := r.PathValue("outcome")
	failed := outcome == "fail"
	if code, err := strconv.Atoi(outcome); err == nil {
		failed = code != 0
	} else if outcome != "" && outcome != "fail" && outcome != "start" {
		problem(w, http.StatusNotFound, "a ping ends in nothing, /start, /fail or an exit code")
		return
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxPing))
	detail := strings.ToValidUTF8(string(body), "?")
	if failed && outcome != "fail" {
		detail = "exit code " + outcome + ". " + detail
	}
	if outcome != "start" { // a job that has begun has not reported yet
		if _, err := s.Pinger.RecordPing(r.Context(), r.PathValue("token"), failed, strings.TrimSpace(detail)); err != nil {
			s.Log.Error("ping not recorded", "error", err)
			problem(w, http.StatusServiceUnavailable, "the ping was not recorded: send it again")
			return
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "OK\n")
}
