package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// maxText is how many characters a text of people may have: more is no update, but a
// file that was meant for something else.
const maxText = 4000

// given is a text that somebody gives: as it is, or, of "-", what stands on standard
// input. One in which nothing can be read is empty.
func given(cmd *cobra.Command, text, what string) (string, error) {
	if text == "-" {
		read, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), utf8.UTFMax*maxText+1))
		if err != nil {
			return "", failed(fmt.Errorf("read the %s: %w", what, err), "")
		}
		if len(read) > utf8.UTFMax*maxText {
			return "", usage(fmt.Errorf("the %s on standard input has more than %d characters", what, maxText), "")
		}
		text = string(read)
	}
	if !utf8.ValidString(text) {
		return "", usage(fmt.Errorf("the %s is not UTF-8", what), "")
	}
	text = strings.TrimSpace(text)
	if legible(text) == "" {
		return "", nil
	}
	if n := utf8.RuneCountInString(text); n > maxText {
		return "", usage(fmt.Errorf("the %s has %d characters: %d at most", what, n, maxText), "say what people need, and link to the rest")
	}
	return text, nil
}

// needed is given, of a text that there must be.
func needed(cmd *cobra.Command, text, what string, none error) (string, error) {
	text, err := given(cmd, text, what)
	if err == nil && text == "" {
		err = usage(none, hintFor(none))
	}
	return text, err
}

// legible is a text as one line that a terminal only shows.
func legible(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// dashed helps with texts that begin with a dash, which looks like a flag.
func dashed(cmd *cobra.Command) {
	const hint = "a text that begins with a dash comes last, after --, and flags before it: sonde incident update --next 30m -- \"-text\""
	args := cmd.Args
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		err := args(cmd, given)
		if at := cmd.ArgsLenAtDash(); err != nil && at >= 0 {
			if i := slices.IndexFunc(given[at:], func(arg string) bool { return strings.HasPrefix(arg, "--") }); i >= 0 {
				return usage(fmt.Errorf("%q stands after --, where no flag is one", given[at+i]), hint)
			}
		}
		return err
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err, "see `"+cmd.CommandPath()+" --help`; "+hint)
	})
}

// named are the internal services that a text names, as whole words.
func named(cfg *monitor.Config, text string) (names []string) {
	for _, svc := range cfg.Services {
		if svc.Internal && (hasWord(text, svc.Name) || hasWord(text, string(svc.ID))) {
			names = append(names, svc.Name)
		}
	}
	return names
}

// hasWord reports whether a text has a word, or several, whatever their case, and not
// only as part of others.
func hasWord(text, word string) bool {
	text, word = strings.ToLower(text), strings.ToLower(strings.TrimSpace(word))
	if word == "" {
		return false
	}
	isPart := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(word):])
		if !isPart(before) && !isPart(after) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		from = at + size
	}
}

// warnNamed says that the public will read the name of what it does not see: what
// people write is told as it is.
func warnNamed(cmd *cobra.Command, cfg *monitor.Config, text string) {
	for _, name := range named(cfg, text) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "sonde: hint: the public does not see %s, and reads the text as it stands\n", legible(name))
	}
}

// hintFor says what to do about what cannot be done.
func hintFor(err error) string {
	for reason, hint := range map[error]string{
		errNoOpenText:         "give it with --text, or as --text - on standard input",
		incident.ErrNoText:    "give it as an argument, in quotes",
		incident.ErrNoReason:  "give it with --reason",
		incident.ErrNoTier:    "the tiers stand in monitors.yaml",
		incident.ErrNotHeld:   "only a tier with `public: true` can be told earlier, or not at all",
		incident.ErrPast:      "give a duration from now, such as --next 30m",
		incident.ErrDrained:   "give a duration from now, such as --drain 1h",
		incident.ErrPhase:     "give it with --phase",
		incident.ErrLess:      "they hear of it when it is as bad as their `impact` in monitors.yaml; `sonde incident update` posts to the page",
		incident.ErrForNobody: "its `impact` in monitors.yaml is higher than the incident's",
		incident.ErrNoTitle:   "give it as an argument, in quotes",
		incident.ErrNoService: "name one of monitors.yaml with --service",
		incident.ErrImpact:    "give it with --impact",
		incident.ErrHasOne:    "`sonde incident update` adds to it",
		incident.ErrStillDown: "it ends by itself when its services work; `sonde incident update` says what is being done",
	} {
		if errors.Is(err, reason) {
			return hint
		}
	}
	return ""
}
