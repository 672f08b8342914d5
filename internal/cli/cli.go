// Package cli is the sonde command, one file for each subcommand. Results go to
// standard output; messages to standard error, as `sonde: error: …` and
// `sonde: hint: …`. Exit codes: 0 fine, 1 a problem was found, 2 bad usage or
// configuration, 3 failed.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	ExitFine   = 0
	ExitFound  = 1 // a target is down, a difference was found
	ExitUsage  = 2
	ExitFailed = 3
)

// exitError ends the command with a code. A message is printed if there is one.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(err error, hint string) error { return &exitError{ExitUsage, err, hint} }

func failed(err error, hint string) error { return &exitError{ExitFailed, err, hint} }

// errFound ends with ExitFound and says nothing: the result said it.
var errFound = &exitError{code: ExitFound}

// Main runs the command until it is done or interrupted, and returns its exit
// code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, stdout, stderr)
}

// Run is Main until ctx ends.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(ctx))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sonde",
		Short: "Synthetic monitoring that tells the right people",
		Long: `Sonde watches endpoints, decides with votes what is down, and tells the right
people, tier by tier. It runs on AWS Lambda, or on one machine:

  sonde demo                      watch an outage being detected, told and resolved
  sonde up -f monitors.yaml       monitor for real on this machine
  sonde check https://example.com one check now, with every phase`,
		SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2,
		Args:                       cobra.NoArgs,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err, "see `"+cmd.CommandPath()+" --help`")
	})
	root.AddCommand(demoCommand(), upCommand(), validateCommand(), checkCommand(), statusCommand(), applyCommand(), diffCommand(), configCommand(), costCommand(), doctorCommand(), rehearseCommand(), incidentCommand(), replayCommand(), reportCommand(), heartbeatCommand(), maintenanceCommand(), correctCommand(), importCommand(), schemaCommand(), initCommand())
	for _, c := range root.Commands() {
		c.Args = asUsage(c.Args)
	}
	root.Args = asUsage(root.Args)
	return root
}

// asUsage makes an error about arguments one of usage.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			hint := "see `" + cmd.CommandPath() + " --help`"
			if like := cmd.SuggestionsFor(args0(args)); !cmd.HasParent() && len(like) > 0 {
				hint = "did you mean `sonde " + like[0] + "`?"
			}
			return usage(clearer(cmd, args, err), hint)
		}
		return nil
	}
}

// clearer names what is missing, or what is too much, after the usage line of a
// command; cobra counts only.
func clearer(cmd *cobra.Command, args []string, err error) error {
	var needed []string
	most := 0
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if word == "|" {
			break // another form
		}
		if most++; !strings.HasPrefix(word, "[") {
			needed = append(needed, word)
		}
		if strings.HasSuffix(strings.Trim(word, "[]"), "…") {
			most = len(args)
		}
	}
	switch {
	case len(args) < len(needed):
		return fmt.Errorf("%s is missing", needed[len(args)])
	case most > 0 && len(args) > most:
		return fmt.Errorf("%q is too much: texts of several words need quotes", args[most])
	}
	return err
}

func args0(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func report(stderr io.Writer, err error) int {
	if err == nil {
		return ExitFine
	}
	code, hint := ExitUsage, "see `sonde --help`" // cobra's own errors are about usage
	var e *exitError
	if errors.As(err, &e) {
		code, hint = e.code, e.hint
	}
	if text := err.Error(); text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			_, _ = fmt.Fprintf(stderr, "sonde: error: %s\n", line)
		}
	}
	if hint != "" {
		_, _ = fmt.Fprintf(stderr, "sonde: hint: %s\n", hint)
	}
	return code
}

// isTerminal reports whether colour may be used.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
