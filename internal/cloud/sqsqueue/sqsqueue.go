// Package sqsqueue is the queue of the stages over Amazon SQS: one queue for
// each location, a message a batch, delayed until the batch is due.
package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
)

// API is what is used of the SQS client.
type API interface {
	SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, options ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Limits (SQS API reference, SendMessageBatch and SendMessage).
const (
	maxEntries = 10
	maxDelay   = 15 * time.Minute
)

// patience is how long one queue may take: a Region that does not answer must
// leave time for the others.
const patience = 10 * time.Second

// Queue sends batches to the queue of their location.
type Queue struct {
	client         API
	urls, browsers map[monitor.Location]string
	now            func() time.Time
}

var _ pipeline.Queue = (*Queue)(nil)

// New returns a queue over the queue URL of each location. The entry "*" is for
// all locations that have none of their own; the asterisk in its URL stands for
// the location's name, such as https://sqs.*.amazonaws.com/123456789012/sonde.
//
// Batches of browser journeys go to the queues of browsers, of the same form.
// Where there is none, or none was deployed, they go where the others go: the
// function there says in their results that it has no browser.
func New(client API, urls, browsers map[monitor.Location]string, now func() time.Time) *Queue {
	return &Queue{client, urls, browsers, now}
}

// Send implements pipeline.Queue. If it fails, some of the batches may have
// been sent; sending them again is safe. A queue that cannot be reached does not
// keep others from theirs: all are tried, and what failed is told together.
func (q *Queue) Send(ctx context.Context, batches []schedule.Batch) error {
	var journeys, rest []schedule.Batch
	for _, b := range batches {
		if _, has := urlOf(q.browsers, b.Location); has && b.Browser {
			journeys = append(journeys, b)
		} else {
			rest = append(rest, b)
		}
	}
	homeless, err := q.sendTo(ctx, q.browsers, journeys)
	nowhere, more := q.sendTo(ctx, q.urls, append(rest, homeless...))
	if len(nowhere) > 0 {
		more = errors.Join(more, fmt.Errorf("send batches: the queue of location %s does not exist", nowhere[0].Location))
	}
	return errors.Join(err, more)
}

// sendTo sends batches to queues. Those whose queue does not exist are returned,
// and are no error yet.
func (q *Queue) sendTo(ctx context.Context, urls map[monitor.Location]string, batches []schedule.Batch) ([]schedule.Batch, error) {
	byURL := map[string][]schedule.Batch{}
	var order []string
	var homeless []schedule.Batch
	var failed []error
	for _, b := range batches {
		url, ok := urlOf(urls, b.Location)
		if !ok {
			failed = append(failed, fmt.Errorf("send batch: no queue for location %s (SONDE_QUEUES)", b.Location))
			continue
		}
		if _, seen := byURL[url]; !seen {
			order = append(order, url)
		}
		byURL[url] = append(byURL[url], b)
	}
	for _, url := range order {
		err := q.sendAll(ctx, url, byURL[url])
		if none := (*types.QueueDoesNotExist)(nil); errors.As(err, &none) {
			homeless = append(homeless, byURL[url]...)
			continue
		}
		failed = append(failed, err)
	}
	return homeless, errors.Join(failed...)
}

// urlOf is the queue of a location.
func urlOf(urls map[monitor.Location]string, location monitor.Location) (string, bool) {
	if url, ok := urls[location]; ok {
		return url, true
	}
	pattern, ok := urls["*"]
	return strings.Replace(pattern, "*", string(location), 1), ok
}

func (q *Queue) sendAll(ctx context.Context, url string, batches []schedule.Batch) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(batches))
	for i, b := range batches {
		var err error
		if entries[i], err = q.entry(i, b); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for batch := range slices.Chunk(entries, maxEntries) {
		if err := q.send(ctx, url, batch); err != nil {
			return fmt.Errorf("queue %s: %w", url, err)
		}
	}
	return nil
}

// inRegionOf makes a call in the Region of a queue: SQS takes no requests that
// are for another Region, or signed for one. URLs of other forms, such as those
// of emulators, say nothing about it.
func inRegionOf(url string) func(*sqs.Options) {
	return func(o *sqs.Options) {
		host, ok := strings.CutPrefix(url, "https://sqs.")
		region, _, dotted := strings.Cut(host, ".")
		if ok && dotted {
			o.Region = region
		}
	}
}

func (q *Queue) entry(i int, b schedule.Batch) (types.SendMessageBatchRequestEntry, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("encode batch: %w", err)
	}
	delay := min(max(b.Scheduled.Sub(q.now()), 0), maxDelay)
	seconds := int32((delay + time.Second - 1) / time.Second) // never early
	return types.SendMessageBatchRequestEntry{
		Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body)), DelaySeconds: seconds,
	}, nil
}

// send sends up to ten messages, and those that failed once more.
func (q *Queue) send(ctx context.Context, url string, entries []types.SendMessageBatchRequestEntry) error {
	for try := range 2 {
		out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(url), Entries: entries}, inRegionOf(url))
		if err != nil {
			return fmt.Errorf("send %d messages: %w", len(entries), err)
		}
		if len(out.Failed) == 0 {
			return nil
		}
		failed := map[string]bool{}
		var why error
		for _, f := range out.Failed {
			failed[aws.ToString(f.Id)] = true
			why = fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
		}
		if try == 1 {
			return fmt.Errorf("send messages: %d of %d failed: %w", len(out.Failed), len(entries), why)
		}
		var again []types.SendMessageBatchRequestEntry
		for _, e := range entries {
			if failed[aws.ToString(e.Id)] {
				again = append(again, e)
			}
		}
		entries = again
	}
	return errors.New("send messages: not sent")
}
