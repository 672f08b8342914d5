package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo/image"
)

// Tick is what EventBridge Scheduler sends: the time that the call was
// scheduled for, which may be up to a minute ago.
type Tick struct {
	Scheduled time.Time `json:"scheduled"`
}

// window is the minute that a tick stands for.
const window = time.Minute

var errTick = errors.New(`tick: "scheduled" must be an RFC 3339 time, such as <aws.scheduler.scheduled-time> gives`)

// Dispatch queues the checks of the tick's minute.
func Dispatch(p *pipeline.Pipeline) func(context.Context, Tick) error {
	return func(ctx context.Context, tick Tick) error {
		if tick.Scheduled.IsZero() {
			return errTick
		}
		from := tick.Scheduled.UTC().Truncate(window)
		batches, err := p.Dispatch(ctx, from, from.Add(window))
		if errors.Is(err, pipeline.ErrNoConfig) {
			p.Log.Warn("nothing to dispatch", "reason", err.Error())
			return nil
		}
		p.Log.Info("dispatched", "minute", from, "batches", batches)
		return err
	}
}

// Probe runs the batches of the messages; those that fail come again.
func Probe(p *pipeline.Pipeline) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, event events.SQSEvent) (out events.SQSEventResponse, err error) {
		if len(event.Records) == 0 {
			return out, errors.New("probe: the event holds no messages")
		}
		for _, message := range event.Records {
			if err := probeMessage(ctx, p, message); err != nil {
				p.Log.Error("batch failed", "message", message.MessageId, "error", err)
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			}
		}
		return out, nil
	}
}

func probeMessage(ctx context.Context, p *pipeline.Pipeline, message events.SQSMessage) error {
	var b schedule.Batch
	if err := json.Unmarshal([]byte(message.Body), &b); err != nil {
		return fmt.Errorf("decode batch: %w", err)
	}
	if b.Scheduled.IsZero() || b.Location == "" || len(b.Monitors) == 0 {
		return errors.New("decode batch: scheduled, location and monitors must be set")
	}
	return p.Probe(ctx, b)
}

// Detect brings services forward by the batches in stream records.
func Detect(p *pipeline.Pipeline) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, event events.DynamoDBEvent) (out events.DynamoDBEventResponse, err error) {
		if len(event.Records) == 0 {
			return out, errors.New("detect: the event holds no records")
		}
		var batches []store.Batch
		failed := ""
		for _, record := range event.Records {
			if record.EventName == string(events.DynamoDBOperationTypeRemove) {
				continue
			}
			b, err := batchOf(record)
			if err == nil {
				batches = append(batches, b)
				continue
			}
			// It will never be readable: what comes behind it must not wait.
			if err := p.SetAside(ctx, asideOf(record, err)); err != nil {
				p.Log.Error("stream record not set aside", "sequence", record.Change.SequenceNumber, "error", err)
				failed = record.Change.SequenceNumber
				break
			}
		}
		if err := p.Detect(ctx, batches); err != nil {
			p.Log.Error("detect failed", "records", len(batches), "error", err)
			failed = event.Records[0].Change.SequenceNumber
		}
		return streamFailure(failed), nil
	}
}

// streamFailure reports the first record that failed: Lambda calls again from
// it on, alone at last.
func streamFailure(sequence string) (out events.DynamoDBEventResponse) {
	out.BatchItemFailures = []events.DynamoDBBatchItemFailure{}
	if sequence != "" {
		out.BatchItemFailures = append(out.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: sequence})
	}
	return out
}

func batchOf(record events.DynamoDBEventRecord) (store.Batch, error) {
	row, err := image.FromImage(record.Change.NewImage)
	if err != nil {
		return store.Batch{}, err
	}
	if row.Kind != store.KindBatch {
		return store.Batch{}, fmt.Errorf("kind is %q, not %q: the stream filter lets through what it should not", row.Kind, store.KindBatch)
	}
	return store.DecodeBatch(row)
}

// asideOf names a record by its item's key, or, if it has none, by its place in
// the stream.
func asideOf(record events.DynamoDBEventRecord, why error) store.Aside {
	text := func(name, otherwise string) string {
		for _, of := range []map[string]events.DynamoDBAttributeValue{record.Change.Keys, record.Change.NewImage} {
			if v, ok := of[name]; ok && v.DataType() == events.DataTypeString && v.String() != "" {
				return v.String()
			}
		}
		return otherwise
	}
	return store.Aside{
		PK: text("pk", "STREAM"), SK: text("sk", record.Change.SequenceNumber+" "+record.EventID),
		What: text("kind", "record"), Reason: why.Error(),
	}
}

// Notify delivers what stands in the outbox: stream records only wake it.
func Notify(p *pipeline.Pipeline) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		if len(event.Records) == 0 {
			return events.DynamoDBEventResponse{}, errors.New("notify: the event holds no records")
		}
		delivered, err := p.Notify(ctx)
		if err != nil {
			p.Log.Error("notify failed", "records", len(event.Records), "error", err)
			return streamFailure(event.Records[0].Change.SequenceNumber), nil
		}
		p.Log.Info("notify done", "records", len(event.Records), "delivered", delivered)
		return streamFailure(""), nil
	}
}

// Sweep does what time causes.
func Sweep(p *pipeline.Pipeline) func(context.Context, Tick) error { return timed(p, p.Sweep) }

// Rollup renews the figures.
func Rollup(p *pipeline.Pipeline) func(context.Context, Tick) error { return timed(p, p.Rollup) }

// OnTick does what is no stage of the pipeline at each tick.
func OnTick(do func(context.Context) error) func(context.Context, Tick) error {
	return func(ctx context.Context, tick Tick) error {
		if tick.Scheduled.IsZero() {
			return errTick
		}
		return do(ctx)
	}
}

func timed(p *pipeline.Pipeline, stage func(context.Context) error) func(context.Context, Tick) error {
	return func(ctx context.Context, tick Tick) error {
		if tick.Scheduled.IsZero() {
			return errTick
		}
		err := stage(ctx)
		if errors.Is(err, pipeline.ErrNoConfig) {
			p.Log.Warn("nothing to do", "reason", err.Error())
			return nil
		}
		return err
	}
}
