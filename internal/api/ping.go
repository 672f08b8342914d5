package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// ping records a heartbeat. Whatever the token is, the answer is the same: who
// guesses learns nothing.
func (s *server) ping(w http.ResponseWriter, r *http.Request) {
	beat, ok := beatOf(r.PathValue("outcome"))
	if !ok {
		problem(w, http.StatusNotFound, "a ping ends in nothing, /start, /fail or an exit code from 0 to 255")
		return
	}
	text, _ := io.ReadAll(io.LimitReader(r.Body, monitor.MaxPingText))
	beat.Text = strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
	if _, err := s.Pinger.RecordPing(r.Context(), r.PathValue("token"), beat); err != nil {
		s.Log.Error("ping not recorded", "error", err)
		problem(w, http.StatusServiceUnavailable, "the ping was not recorded: send it again")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "OK\n")
}

// beatOf reads the last part of a ping's path. An exit code other than 0 is a
// failure.
func beatOf(outcome string) (monitor.Beat, bool) {
	switch outcome {
	case "":
		return monitor.Beat{Signal: monitor.SignalSuccess}, true
	case "start":
		return monitor.Beat{Signal: monitor.SignalStart}, true
	case "fail":
		return monitor.Beat{Signal: monitor.SignalFail}, true
	}
	code, err := strconv.ParseUint(outcome, 10, 8)
	switch {
	case err != nil:
		return monitor.Beat{}, false
	case code == 0:
		return monitor.Beat{Signal: monitor.SignalSuccess}, true
	}
	return monitor.Beat{Signal: monitor.SignalFail, Exit: int(code)}, true
}
