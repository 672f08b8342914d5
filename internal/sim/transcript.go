package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// transcript is all that happened, a line each, and a digest of all that was
// written.
type transcript struct {
	now    func() time.Time
	start  time.Time
	text   bytes.Buffer
	digest hash.Hash
	off    bool // nobody wants it
}

func (t *transcript) add(format string, args ...any) {
	if t.off {
		return
	}
	_, _ = fmt.Fprintf(&t.text, "%9.3f %s\n", t.now().Sub(t.start).Seconds(), fmt.Sprintf(format, args...))
}

func (t *transcript) wrote(ops []table.Op) {
	if t.off {
		return
	}
	if t.digest == nil {
		t.digest = sha256.New()
	}
	for i := range ops {
		op := &ops[i]
		_, _ = io.WriteString(t.digest, op.Row.PK)
		_, _ = io.WriteString(t.digest, op.Row.SK)
		_, _ = t.digest.Write(op.Row.Doc)
		_, _ = t.digest.Write(op.Row.Data)
	}
}

// String is the transcript, the digest last.
func (t *transcript) String() string {
	end := "nothing"
	if t.digest != nil {
		end = hex.EncodeToString(t.digest.Sum(nil))[:16]
	}
	return t.text.String() + "written: " + end + "\n"
}

// handler writes what a stage logs into the transcript.
func (t *transcript) handler(stage Stage) slog.Handler { return logHandler{t, stage} }

type logHandler struct {
	lines *transcript
	stage Stage
}

// spoken are the messages of stages that the transcript keeps: what they decided,
// not what they did.
var spoken = map[string]bool{"flip": true, "incident": true, "notified": false, "check": false}

// Enabled implements slog.Handler.
func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo && !h.lines.off
}

// Handle implements slog.Handler.
func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	if keep, known := spoken[r.Message]; known && !keep {
		return nil
	}
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		if text := a.Value.String(); text != "" && a.Key != "check" {
			if at, ok := a.Value.Any().(time.Time); ok {
				text = fmt.Sprintf("%.3f", at.Sub(h.lines.start).Seconds())
			}
			_, _ = fmt.Fprintf(&b, " %s=%s", a.Key, text)
		}
		return true
	})
	h.lines.add("%s: %s%s", h.stage, r.Message, b.String())
	return nil
}

// WithAttrs implements slog.Handler. The stages add none.
func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler. The stages add none.
func (h logHandler) WithGroup(string) slog.Handler { return h }
