// Package sqsqueue is the queue of the stages over Amazon SQS: one queue for
// each location, a message a batch, delayed until the batch is due.
package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
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

// Queue sends batches to the queue of their location.
type Queue struct {
	client API
	urls   map[monitor.Location]string
	now    func() time.Time
}

var _ pipeline.Queue = (*Queue)(nil)

// New returns a queue over the queue URL of each location.
func New(client API, urls map[monitor.Location]string, now func() time.Time) *Queue {
	return &Queue{client, urls, now}
}

// Send implements pipeline.Queue. If it fails, some of the batches may have
// been sent; sending them again is safe.
func (q *Queue) Send(ctx context.Context, batches []schedule.Batch) error {
	byURL := map[string][]types.SendMessageBatchRequestEntry{}
	var order []string
	for i, b := range batches {
		url, ok := q.urls[b.Location]
		if !ok {
			return fmt.Errorf("send batch: no queue for location %s (SONDE_QUEUES)", b.Location)
		}
		entry, err := q.entry(i, b)
		if err != nil {
			return err
		}
		if _, seen := byURL[url]; !seen {
			order = append(order, url)
		}
		byURL[url] = append(byURL[url], entry)
	}
	for _, url := range order {
		for entries := byURL[url]; len(entries) > 0; {
			n := min(len(entries), maxEntries)
			if err := q.send(ctx, url, entries[:n]); err != nil {
				return err
			}
			entries = entries[n:]
		}
	}
	return nil
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
		out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(url), Entries: entries})
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
