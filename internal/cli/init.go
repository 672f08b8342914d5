package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/importer"
)

type initFlags struct {
	file  string
	name  string
	force bool
}

// schemaFile is the name of the schema that lies beside a monitors.yaml.
const schemaFile = "monitors.schema.json"

func initCommand() *cobra.Command {
	var flags initFlags
	cmd := &cobra.Command{
		Use:   "init [URL…]",
		Short: "Write a first monitors.yaml",
		Long: `Writes a first monitors.yaml for some URLs, with a word on what each part does, and
beside it the JSON Schema that its first line names, for editors. Without URLs it asks.
A URL is https, http, tcp://host:port, tls://host:port, dns://name, ssh://host,
grpc://host:port (grpcs with TLS), ws, wss, icmp://host or domain://name.`,
		Example: `  sonde init https://example.com https://api.example.com/health
  sonde init tcp://db.example.com:5432 'dns://example.com?type=MX' -f production.yaml`,
		RunE: func(cmd *cobra.Command, urls []string) error {
			return runInit(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), urls, flags)
		},
	}
	cmd.Flags().StringVarP(&flags.file, "file", "f", "monitors.yaml", "the file to write")
	cmd.Flags().StringVar(&flags.name, "name", "", "the name on the page; Status by default")
	cmd.Flags().BoolVar(&flags.force, "force", false, "overwrite files that are there")
	return cmd
}

func runInit(stdin io.Reader, stdout, stderr io.Writer, urls []string, flags initFlags) error {
	if _, err := os.Stat(flags.file); err == nil && !flags.force {
		return usage(fmt.Errorf("%s is there already", flags.file), "give another name with -f, or overwrite it with --force")
	}
	if len(urls) == 0 {
		if !asks(stdin) {
			return usage(errors.New("no URL is given"), "such as `sonde init https://example.com`")
		}
		urls, flags.name = ask(stdin, stderr, flags.name)
	}
	begin, err := importer.Start(urls, flags.name, schemaFile)
	if err != nil {
		return usage(err, "see `sonde init --help` for what a URL may be")
	}
	schema := filepath.Join(filepath.Dir(flags.file), schemaFile)
	if err := writeNew(schema, config.Schema(), flags.force || isSchema(schema)); err != nil {
		return err
	}
	if err := writeNew(flags.file, begin.Text, flags.force); err != nil {
		return err
	}
	nextSteps(stdout, flags.file, schema, begin)
	return nil
}

// isSchema reports whether a file is a schema of ours, which may be written anew.
func isSchema(path string) bool {
	text, err := os.ReadFile(filepath.Clean(path))
	return err == nil && bytes.Contains(text, []byte(config.SchemaID))
}

// asks reports whether somebody sits in front of it.
func asks(stdin io.Reader) bool {
	file, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ask asks for URLs, one a line, and for the page's name. One that cannot be
// watched is asked for again.
func ask(stdin io.Reader, stderr io.Writer, name string) ([]string, string) {
	lines := bufio.NewScanner(stdin)
	say := func(text string) { _, _ = fmt.Fprint(stderr, text) }
	say("What should be watched? URLs such as https://example.com or tcp://db.example.com:5432,\none a line; an empty line ends the list.\n")
	var urls []string
	for {
		say("URL: ")
		if !lines.Scan() || strings.TrimSpace(lines.Text()) == "" {
			break
		}
		url := strings.TrimSpace(lines.Text())
		if _, err := importer.Start([]string{url}, "", schemaFile); err != nil {
			say("  " + clean(err.Error()) + "\n")
			continue
		}
		urls = append(urls, url)
	}
	if name == "" && len(urls) > 0 {
		say("Name of the status page [Status]: ")
		if lines.Scan() {
			name = lines.Text()
		}
	}
	return urls, name
}

func nextSteps(stdout io.Writer, file, schema string, begin *importer.Beginning) {
	local := ""
	if begin.Only {
		local = " --local"
	}
	_, _ = fmt.Fprintf(stdout, `wrote %s with %s, and %s for editors

next:
  sonde check -f %s %s
      one check now, with every phase
  sonde up -f %s
      monitor on this machine; the page is at http://127.0.0.1:8080, and a changed file is read again
  sonde validate%s %s
      all mistakes at once, after a change
`, file, plural(len(begin.IDs), "monitor"), schema, file, begin.IDs[0], file, local, file)
	if begin.Only {
		_, _ = fmt.Fprintln(stdout, "\nICMP, IPv6 and port 25 are not possible from AWS Lambda: this file is for `sonde up`.")
	} else {
		_, _ = fmt.Fprintf(stdout, "  sonde cost -f %s\n      what it would cost on AWS\n", file)
	}
}
