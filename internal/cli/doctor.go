package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/doctor"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

func doctorCommand() *cobra.Command {
	var where awsFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with a deployment on AWS",
		Long: `Looks at a deployment from outside: stack, table, configuration, the last results
of each location, subscriptions that nobody confirmed, SMS sandbox and quota, dead
letters, undelivered notifications, rows that cannot be read, the clock. Exits
with 1 if anything is bad. It reads only.`,
		Example: `  sonde doctor --stack sonde
  sonde doctor --stack sonde --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := where.open(cmd.Context())
			if err != nil {
				return err
			}
			lines := doctor.Judge(examine(cmd.Context(), d, where.stack))
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), lines)
			} else {
				printDoctor(cmd.OutOrStdout(), lines)
			}
			if err == nil && doctor.Worst(lines) == doctor.Bad {
				return errFound
			}
			return err
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

func printDoctor(w io.Writer, lines []doctor.Line) {
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%-7s  %s: %s\n", l.Level, l.What, clean(l.Text))
		if l.Do != "" {
			_, _ = fmt.Fprintf(w, "         %s\n", clean(l.Do))
		}
	}
}

// examine asks for everything that doctor judges. What cannot be asked is a
// finding too.
func examine(ctx context.Context, d *deployment, stack string) doctor.Findings {
	f := doctor.Findings{Table: doctor.Table{Name: d.table}}
	client := d.dynamodb()
	out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &d.table})
	f.Now = now()
	var missing *types.ResourceNotFoundException
	if err != nil {
		f.Table.Err, f.Table.Missing = brief(err), errors.As(err, &missing)
	} else {
		f.Table.Status = string(out.Table.TableStatus)
		f.Table.Stream = out.Table.StreamSpecification != nil && aws.ToBool(out.Table.StreamSpecification.StreamEnabled)
		f.ServerTime, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	}
	if ttl, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &d.table}); err != nil {
		f.Table.TTLErr = brief(err)
	} else {
		f.Table.TTL = ttl.TimeToLiveDescription.TimeToLiveStatus == types.TimeToLiveStatusEnabled || ttl.TimeToLiveDescription.TimeToLiveStatus == types.TimeToLiveStatusEnabling
	}
	cfg := examineConfig(ctx, d, &f)
	if cfg != nil {
		f.Locations = examineLocations(ctx, d.store, cfg)
	}
	f.Outbox = examineOutbox(ctx, d.store)
	f.SetAside = examineAsides(ctx, d.store)
	if d.outputs != nil {
		f.Stack = &doctor.Stack{Name: stack, Status: d.status}
		examineTopics(ctx, d, cfg, nil, &f)
		f.Queues = examineQueues(ctx, d)
	}
	return f
}

func examineConfig(ctx context.Context, d *deployment, f *doctor.Findings) *monitor.Config {
	history, err := d.store.ConfigHistory(ctx, 1)
	if err != nil || len(history) == 0 {
		f.Config.Err = brief(err)
		return nil
	}
	f.Config = doctor.Config{Version: history[0].Number, Applied: history[0].Applied, By: history[0].By}
	cfg, err := d.store.Config(ctx)
	f.Config.Err = brief(err)
	for _, a := range d.store.Unreadable() {
		f.Config.Unread = a.Reason
	}
	return cfg
}

func examineLocations(ctx context.Context, s *store.Store, cfg *monitor.Config) (out []doctor.Location) {
	found := locations(cfg)
	for shard := range cfg.Shards() {
		seen, _, err := s.Seen(ctx, shard)
		for id, l := range found {
			if err != nil {
				l.Err = brief(err)
			}
			for _, ms := range seen.Last[id] {
				if at := time.UnixMilli(ms).UTC(); at.After(l.Last) {
					l.Last = at
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		out = append(out, *found[id])
	}
	return out
}

// locations is where checks run from, with the shortest interval of each; 0
// where all is paused.
func locations(cfg *monitor.Config) map[monitor.Location]*doctor.Location {
	found := map[monitor.Location]*doctor.Location{}
	for _, m := range cfg.Monitors {
		for _, id := range m.Locations {
			l := found[id]
			if l == nil {
				l = &doctor.Location{ID: id}
				found[id] = l
			}
			if !m.Paused && (l.Interval == 0 || m.Every < l.Interval) {
				l.Interval = m.Every
			}
		}
	}
	return found
}

func examineOutbox(ctx context.Context, s *store.Store) doctor.Outbox {
	pending, err := s.Outbox(ctx, 1000)
	if err != nil {
		return doctor.Outbox{Err: brief(err)}
	}
	out := doctor.Outbox{N: len(pending)}
	for _, p := range pending {
		if out.Oldest.IsZero() || p.Notification.At.Before(out.Oldest) {
			out.Oldest, out.LastError = p.Notification.At, p.LastError
		}
	}
	return out
}

// examineAsides reads what the functions could not read, and adds what could not
// be read just now and is not among it.
func examineAsides(ctx context.Context, s *store.Store) doctor.SetAside {
	asides, err := s.Asides(ctx, 1000)
	if err != nil {
		return doctor.SetAside{Err: brief(err)}
	}
	for _, a := range s.Unreadable() {
		if !slices.ContainsFunc(asides, func(b store.Aside) bool { return a.PK == b.PK && a.SK == b.SK }) {
			asides = append(asides, a)
		}
	}
	out := doctor.SetAside{N: len(asides)}
	if out.N > 0 {
		out.First = asides[0].PK + " " + asides[0].SK + ": " + asides[0].Reason
	}
	return out
}

// examineTopics lists who is subscribed to some tiers; without names, to each and to
// operations.
func examineTopics(ctx context.Context, d *deployment, cfg *monitor.Config, names []string, f *doctor.Findings) {
	client := d.sns()
	phones := false
	if len(names) == 0 {
		names = append(tiers(d, cfg), operations)
	}
	for _, tier := range names {
		t := doctor.Topic{Public: isPublic(cfg, tier), Tier: tier, ARN: d.outputs[strings.ToUpper(tier[:1])+tier[1:]+"TopicArn"], Confirmed: map[string]int{}, For: audience(cfg, tier)}
		if t.ARN != "" {
			t.Err = brief(subscriptions(ctx, client, &t))
			phones = phones || t.Confirmed["sms"] > 0
		}
		f.Topics = append(f.Topics, t)
	}
	if phones {
		f.SMS = examineSMS(ctx, client)
	}
}

func isPublic(cfg *monitor.Config, id string) bool {
	if cfg == nil {
		return false
	}
	tier, _ := cfg.Tier(monitor.TierID(id))
	return tier.Public
}

// audience is for whom a tier's messages are made; empty if that is not known.
func audience(cfg *monitor.Config, id string) string {
	if cfg == nil {
		return ""
	}
	tier, known := cfg.Tier(monitor.TierID(id))
	switch {
	case !known:
		return ""
	case tier.Chat:
		return "chat"
	case tier.Machine:
		return "machines"
	}
	return "people"
}

// operations is the topic of those who run Sonde, which is no tier's.
const operations = "operations"

// tiers are those of the configuration; where it cannot be read, those that the
// stack has topics for.
func tiers(d *deployment, cfg *monitor.Config) (ids []string) {
	if cfg != nil {
		for _, t := range cfg.Tiers {
			ids = append(ids, string(t.ID))
		}
		return ids
	}
	for _, name := range slices.Sorted(maps.Keys(d.outputs)) {
		if tier, is := strings.CutSuffix(name, "TopicArn"); is && !strings.EqualFold(tier, operations) {
			ids = append(ids, strings.ToLower(tier[:1])+tier[1:])
		}
	}
	return ids
}

func subscriptions(ctx context.Context, client *sns.Client, t *doctor.Topic) error {
	pages := sns.NewListSubscriptionsByTopicPaginator(client, &sns.ListSubscriptionsByTopicInput{TopicArn: &t.ARN})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, s := range page.Subscriptions {
			switch aws.ToString(s.SubscriptionArn) {
			case "PendingConfirmation":
				t.Pending++
			case "Deleted":
			default:
				t.Confirmed[aws.ToString(s.Protocol)]++
			}
		}
	}
	return nil
}

func examineSMS(ctx context.Context, client *sns.Client) *doctor.SMS {
	sandbox, err := client.GetSMSSandboxAccountStatus(ctx, &sns.GetSMSSandboxAccountStatusInput{})
	if err != nil {
		return &doctor.SMS{Err: brief(err)}
	}
	attributes, err := client.GetSMSAttributes(ctx, &sns.GetSMSAttributesInput{Attributes: []string{"MonthlySpendLimit"}})
	if err != nil {
		return &doctor.SMS{Err: brief(err)}
	}
	return &doctor.SMS{Sandbox: sandbox.IsInSandbox, Limit: attributes.Attributes["MonthlySpendLimit"]}
}

func examineQueues(ctx context.Context, d *deployment) (out []doctor.Queue) {
	client := d.sqs()
	for _, name := range slices.Sorted(maps.Keys(d.outputs)) {
		queue, is := strings.CutSuffix(name, "FailuresUrl")
		if !is {
			continue
		}
		q := doctor.Queue{Name: queue + "Failures"}
		got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: aws.String(d.outputs[name]), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages},
		})
		if err != nil {
			q.Err = brief(err)
		} else {
			q.N, _ = strconv.Atoi(got.Attributes[string(sqstypes.QueueAttributeNameApproximateNumberOfMessages)])
		}
		out = append(out, q)
	}
	return out
}

// brief is an error of AWS in a few words: its code and message.
func brief(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	return err
}
