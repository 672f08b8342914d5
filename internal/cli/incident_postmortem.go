package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
)

func incidentPostmortemCommand() *cobra.Command {
	var where oneFlags
	var draft bool
	cmd := &cobra.Command{
		Use:   "postmortem [ID]",
		Short: "Draft the follow-up, in Markdown, as far as Sonde knows it",
		Long: `Prints a draft of the follow-up of an incident, of the newest if none is named: time
line, for how long each service was down, as ` + "`sonde report`" + ` counts it, who was told
what and when. What only people know is marked to be filled in. It names internal
services: read it before it goes out.`,
		Example: `  sonde incident postmortem --draft --stack sonde
  sonde incident postmortem nk5h4flc56mk --stack sonde > postmortem.md`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if !draft {
				return usage(errors.New("a follow-up that is no draft is yours to write"), "leave out --draft=false")
			}
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
			id, err := where.named(args)
			if err == nil && id == "" {
				id, err = newest(ctx, s)
			}
			if err != nil {
				return err
			}
			cfg, err := s.Config(ctx)
			if err != nil || cfg == nil {
				return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
			}
			inc, err := incidentOf(ctx, s, id)
			if err != nil {
				return err
			}
			at := now()
			story, err := s.Story(ctx, inc, at)
			if err != nil {
				return awsError("read what is known of the incident", err)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), incident.Draft(cfg, story, at))
			return err
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&draft, "draft", true, "a draft: there is nothing else")
	return cmd
}
