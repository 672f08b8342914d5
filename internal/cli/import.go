package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/importer"
	"github.com/sondehq/sonde/internal/monitor"
)

type importFlags struct {
	output     string
	local      bool
	force      bool
	prometheus string
	targets    []string
	parameters string
}

func importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "import gatus|upptime|kuma|blackbox FILE…",
		Short: "Make a monitors.yaml of another tool's configuration",
		Long: `Makes a monitors.yaml of the configuration of Gatus (config.yaml), Upptime
(.upptimerc.yml), Uptime Kuma (the JSON backup, or a list of monitors) or
blackbox_exporter (blackbox.yml, with --prometheus or --targets), and prints it.
What cannot be carried over is a warning with file, line and what to do. Secrets
are not written: a reference such as ${env:APP_TOKEN} stands for each, or with
--ssm /sonde such as ${ssm:/sonde/APP_TOKEN}.
The result is valid for AWS, so what Lambda cannot check is left out; with --local
it is kept, for ` + "`sonde up`" + `. Several files become one; FILE - is standard input.
Exit code: 0 carried over, with warnings or without, 2 nothing was.`,
		Example: `  sonde import gatus config.yaml -o monitors.yaml
  sonde import gatus config/*.yaml -o monitors.yaml
  sonde import kuma backup.json --local > monitors.yaml
  sonde import blackbox blackbox.yml --prometheus prometheus.yml
  sonde import blackbox blackbox.yml --targets http_2xx=https://example.com`,
		Args:      cobra.MinimumNArgs(2),
		ValidArgs: importer.Tools,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImport(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], args[1:], flags)
		},
	}
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "write into this file instead of standard output")
	cmd.Flags().BoolVar(&flags.force, "force", false, "with -o: overwrite a file that is there")
	cmd.Flags().BoolVar(&flags.local, "local", false, "keep what Lambda cannot check: ICMP, IPv6, port 25")
	cmd.Flags().StringVar(&flags.parameters, "ssm", "", "let secrets be parameters below this path of AWS Parameter Store, such as /sonde")
	cmd.Flags().StringVar(&flags.prometheus, "prometheus", "", "blackbox: take targets and intervals from the scrape_configs of this prometheus.yml")
	cmd.Flags().StringSliceVar(&flags.targets, "targets", nil, "blackbox: targets, as MODULE=TARGET, or TARGET for the module that fits")
	return cmd
}

func runImport(stdin io.Reader, stdout, stderr io.Writer, tool string, paths []string, flags importFlags) error {
	if tool != "blackbox" && (flags.prometheus != "" || len(flags.targets) > 0) {
		return usage(errors.New("--prometheus and --targets are for blackbox"), "")
	}
	files := make([]importer.File, len(paths))
	for i, path := range paths {
		var err error
		if files[i], err = readSource(stdin, path); err != nil {
			return err
		}
	}
	opts := importer.Options{Home: anyRegion, Targets: flags.targets, Parameters: flags.parameters}
	if flags.local {
		opts.Home = monitor.Local
	}
	if flags.prometheus != "" {
		var err error
		if opts.Prometheus, err = readSource(stdin, flags.prometheus); err != nil {
			return err
		}
	}
	result, err := importer.Import(tool, files, opts)
	for _, w := range result.Warnings {
		_, _ = fmt.Fprintln(stderr, clean(w.String()))
	}
	if err != nil {
		return usage(err, "see `sonde import --help` for what is read, and the README for what a monitors.yaml is")
	}
	if err := writeResult(stdout, flags, result.Text); err != nil {
		return err
	}
	summary(stderr, flags, result)
	return nil
}

func readSource(stdin io.Reader, path string) (importer.File, error) {
	name, in := path, stdin
	if path == "-" {
		name = "stdin"
	} else {
		f, err := os.Open(filepath.Clean(path))
		if err != nil {
			return importer.File{}, usage(err, "give the file's path, or - for standard input")
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, importer.MaxSource+1))
	if err != nil {
		return importer.File{}, usage(fmt.Errorf("read %s: %w", name, err), "")
	}
	return importer.File{Name: name, Text: text}, nil
}

func writeResult(stdout io.Writer, flags importFlags, text []byte) error {
	if flags.output == "" || flags.output == "-" {
		_, err := stdout.Write(text)
		return err
	}
	return writeNew(flags.output, text, flags.force)
}

// writeNew writes a file, and not over one that is there unless it is forced.
func writeNew(path string, text []byte, force bool) error {
	mode := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if !force {
		mode = os.O_CREATE | os.O_WRONLY | os.O_EXCL
	}
	f, err := os.OpenFile(filepath.Clean(path), mode, 0o644) //nolint:gosec // a configuration holds no secrets
	if errors.Is(err, os.ErrExist) {
		return usage(fmt.Errorf("%s is there already", path), "give another name, or overwrite it with --force")
	}
	if err != nil {
		return failed(err, "")
	}
	_, err = f.Write(text)
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		return failed(fmt.Errorf("write %s: %w", path, err), "")
	}
	return nil
}

// summary says what came of it, and what to do next.
func summary(stderr io.Writer, flags importFlags, r *importer.Result) {
	where, local := flags.output, ""
	if where == "" || where == "-" {
		where = "monitors.yaml"
	}
	if flags.local {
		local = " --local"
	}
	_, _ = fmt.Fprintf(stderr, "sonde: %s carried over, %s; the result is valid\n", plural(r.Monitors, "monitor"), plural(len(r.Warnings), "warning"))
	for _, kind := range []struct{ source, what string }{{monitor.SourceEnv, "set these environment variables where the checks run"}, {monitor.SourceSSM, "store these parameters in AWS Parameter Store"}} {
		var names []string
		for _, ref := range r.Secrets {
			if ref.Source == kind.source {
				names = append(names, ref.Name)
			}
		}
		if len(names) > 0 {
			_, _ = fmt.Fprintf(stderr, "sonde: %s: %s\n", kind.what, strings.Join(names, ", "))
		}
	}
	_, _ = fmt.Fprintf(stderr, "sonde: hint: look at it with `sonde validate%s %s`, try a monitor with `sonde check -f %s ID`, begin with `sonde up -f %s`\n", local, where, where, where)
}
