package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
)

func schemaCommand() *cobra.Command {
	output, force := "", false
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of monitors.yaml, for editors",
		Long: `Prints the JSON Schema (2020-12) of monitors.yaml. With it an editor that speaks to
yaml-language-server (VS Code, Neovim, Helix, Zed, Emacs, JetBrains …) proposes keys,
shows what they mean, and marks mistakes. Write it beside the file, and let the
file's first line name it:

  # yaml-language-server: $schema=monitors.schema.json

References and expressions only ` + "`sonde validate`" + ` can judge.`,
		Example: `  sonde schema -o monitors.schema.json --force`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeSchema(cmd.OutOrStdout(), cmd.ErrOrStderr(), output, force)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write into this file instead of standard output")
	cmd.Flags().BoolVar(&force, "force", false, "with -o: overwrite a file that is there")
	return cmd
}

func writeSchema(stdout, stderr io.Writer, output string, force bool) error {
	if output == "" || output == "-" {
		_, err := stdout.Write(config.Schema())
		return err
	}
	if err := writeNew(output, config.Schema(), force); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stderr, "sonde: wrote %s; begin a monitors.yaml with: # yaml-language-server: $schema=%s\n", output, output)
	return nil
}
