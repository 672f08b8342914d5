package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

func incidentAckCommand() *cobra.Command {
	var where oneFlags
	cmd := &cobra.Command{
		Use:     "ack [ID]",
		Short:   "Say that you are on it: reminders stop",
		Example: `  sonde incident ack --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return perform(cmd, &where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Acknowledge(cfg, inc, by, now())
			}, "acknowledged; reminders stop")
		},
	}
	where.add(cmd)
	return cmd
}

func incidentUpdateCommand() *cobra.Command {
	var where oneFlags
	var phase string
	var next, drain time.Duration
	cmd := &cobra.Command{
		Use:   "update TEXT",
		Short: "Tell the page and everybody who has heard of it what is being done",
		Long: `Adds an update to an incident: the page shows it, and every tier that has heard of
the incident gets it. --next promises the next one: the page says by when, and
on-call is reminded when it is late. A new update ends the promise before it.
--drain says for how long caches may still hold old DNS answers, after a move: once
it works again, the incident waits for that, and says until when. A TEXT of - is read
from standard input.`,
		Example: `  sonde incident update "New balancers are being set up." --phase identified --next 30m --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := needed(cmd, args[0], "text", incident.ErrNoText)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("next") && next <= 0 {
				return usage(incident.ErrPast, hintFor(incident.ErrPast))
			}
			if cmd.Flags().Changed("drain") && drain <= 0 {
				return usage(incident.ErrDrained, hintFor(incident.ErrDrained))
			}
			return perform(cmd, &where, nil, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				at := now()
				note := incident.Note{By: by, Text: text, Phase: incident.Phase(phase)}
				if next > 0 {
					note.Next = at.Add(next)
				}
				if drain > 0 {
					note.Drain = at.Add(drain)
				}
				fx, err := incident.Post(cfg, inc, note, at)
				if err == nil {
					warnNamed(cmd, cfg, text)
				}
				return fx, err
			}, "updated")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&phase, "phase", "", "investigating, identified or monitoring (default: as it is)")
	cmd.Flags().DurationVar(&next, "next", 0, "how long until the next update")
	cmd.Flags().DurationVar(&drain, "drain", 0, "how long old DNS answers may last: the TTL of the record that was moved")
	return cmd
}

func incidentPublishCommand() *cobra.Command {
	var where oneFlags
	var tier string
	cmd := &cobra.Command{
		Use:     "publish [ID]",
		Short:   "Tell a tier now that holds its messages back",
		Example: `  sonde incident publish --tier customers --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return perform(cmd, &where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Publish(cfg, inc, holding(cfg, tier), by, now())
			}, "published")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&tier, "tier", "", "the tier (default: the one that holds)")
	return cmd
}

func incidentDeclineCommand() *cobra.Command {
	var where oneFlags
	var tier, reason string
	cmd := &cobra.Command{
		Use:     "decline [ID]",
		Short:   "Keep a tier from hearing of it, with a reason",
		Example: `  sonde incident decline --reason "only our own office is affected" --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reason, err := needed(cmd, reason, "reason", incident.ErrNoReason)
			if err != nil {
				return err
			}
			return perform(cmd, &where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Decline(cfg, inc, holding(cfg, tier), by, reason, now())
			}, "declined; `sonde incident publish` takes that back")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&tier, "tier", "", "the tier (default: the one that holds)")
	cmd.Flags().StringVar(&reason, "reason", "", "why; for operators")
	return cmd
}

// holding is the tier that is meant: the one that is named, or the only one that
// holds its messages back.
func holding(cfg *monitor.Config, named string) monitor.TierID {
	if named != "" {
		return monitor.TierID(named)
	}
	var found monitor.TierID
	for _, t := range cfg.Tiers {
		if t.Public && t.Hold > 0 {
			if found != "" {
				return ""
			}
			found = t.ID
		}
	}
	return found
}
