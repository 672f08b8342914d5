package platformtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/cloud/template"
)

// ofMappings are the actions that Lambda uses in a function's name to run its
// mappings.
var ofMappings = []string{
	"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
	"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
}

// Mangle changes what a stream mapping delivers: it takes the records that the
// filter let through, in order, and returns the batches to deliver, one after
// the other. Batches of one Together are delivered at the same time.
type Mangle func(function string, records []Record) []Together

// Together is batches that are delivered at the same time, each to a process
// of its own.
type Together [][]Record

// Record is a stream record, as Lambda hands it to a function.
type Record map[string]any

// Key is the key of the item that a record is about.
func (r Record) Key() string {
	keys := template.Get(map[string]any(r), "dynamodb", "Keys")
	return fmt.Sprint(template.Get(keys, "pk", "S"), " ", template.Get(keys, "sk", "S"))
}

func (r Record) sequence() string {
	return fmt.Sprint(template.Get(map[string]any(r), "dynamodb", "SequenceNumber"))
}

// run runs a mapping until ctx ends.
func (s *Stack) run(ctx context.Context, m template.Resource) {
	f := s.functions[strings.TrimPrefix(m.Text("FunctionName"), s.Name+"-")]
	if f == nil {
		s.complain("mapping %s: no function %s", m.ID, m.Text("FunctionName"))
		return
	}
	source := m.Text("EventSourceArn")
	needed := ofMappings[:3]
	if strings.Contains(source, ":sqs:") {
		needed = ofMappings[4:]
	}
	for _, action := range needed {
		if _, ok := f.proxy.policy.allows(access{action, source, ""}); !ok {
			s.complain("mapping %s: its function's role may not %s on %s", m.ID, action, source)
			return
		}
	}
	if strings.Contains(source, ":sqs:") {
		s.runQueue(ctx, m, f)
	} else {
		s.runStream(ctx, m, f)
	}
}

// every calls until ctx ends.
func every(ctx context.Context, d time.Duration, call func()) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for ctx.Err() == nil {
		call()
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// runQueue takes messages and deletes those that the function has done. The
// others come again after the queue's visibility timeout; the queue itself sets
// them aside.
func (s *Stack) runQueue(ctx context.Context, m template.Resource, f *function) {
	arn := m.Text("EventSourceArn")
	queue := s.platform.moto + "/" + template.Account + "/" + arn[strings.LastIndex(arn, ":")+1:]
	side, _ := strconv.Atoi(m.Text("ScalingConfig", "MaximumConcurrency"))
	slots := make(chan struct{}, max(side, 1))
	var running sync.WaitGroup
	defer running.Wait()
	every(ctx, 150*time.Millisecond, func() {
		for {
			select {
			case slots <- struct{}{}:
			default:
				return // all are busy
			}
			messages := s.takeMessages(ctx, queue, m.Text("BatchSize"))
			if len(messages) == 0 {
				<-slots
				return
			}
			running.Go(func() {
				defer func() { <-slots }()
				s.deliverMessages(ctx, m, f, queue, messages)
			})
		}
	})
}

type message struct {
	MessageId, ReceiptHandle, Body string
	Attributes                     map[string]string
}

func (s *Stack) takeMessages(ctx context.Context, queue, size string) []message {
	var out struct{ Messages []message }
	n, _ := strconv.Atoi(size)
	_ = post(ctx, s.platform.moto, "sqs", s.Region, "AmazonSQS.ReceiveMessage",
		map[string]any{"QueueUrl": queue, "MaxNumberOfMessages": max(n, 1), "WaitTimeSeconds": 0, "AttributeNames": []string{"All"}}, &out)
	return out.Messages
}

func (s *Stack) deliverMessages(ctx context.Context, m template.Resource, f *function, queue string, messages []message) {
	var records []map[string]any
	for _, msg := range messages {
		records = append(records, map[string]any{
			"messageId": msg.MessageId, "receiptHandle": msg.ReceiptHandle, "body": msg.Body, "attributes": msg.Attributes,
			"messageAttributes": map[string]any{}, "eventSource": "aws:sqs", "eventSourceARN": m.Text("EventSourceArn"), "awsRegion": s.Region,
		})
	}
	event, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return
	}
	answer, err := f.invoke(ctx, event)
	if err != nil {
		return // all come again
	}
	failed, understood := failures(m, answer.Payload)
	if !understood {
		return
	}
	for _, msg := range messages {
		if !slices.Contains(failed, msg.MessageId) {
			_ = post(context.WithoutCancel(ctx), s.platform.moto, "sqs", s.Region, "AmazonSQS.DeleteMessage",
				map[string]any{"QueueUrl": queue, "ReceiptHandle": msg.ReceiptHandle}, nil)
		}
	}
}

// failures reads a partial batch response; false if it is none, which counts as
// a failure of all.
func failures(m template.Resource, payload []byte) (ids []string, understood bool) {
	if !slices.Contains(template.Texts(m.Get("FunctionResponseTypes")), "ReportBatchItemFailures") {
		return nil, true
	}
	var out struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(payload) > 0 && json.Unmarshal(payload, &out) != nil {
		return nil, false
	}
	for _, f := range out.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids, true
}

// runStream reads the table's stream from its beginning.
func (s *Stack) runStream(ctx context.Context, m template.Resource, f *function) {
	read, err := s.openStream(ctx, m.Text("EventSourceArn"))
	if err != nil {
		s.complain("mapping %s: %v", m.ID, err)
		return
	}
	every(ctx, 100*time.Millisecond, func() {
		var through []Record
		for _, r := range read(ctx) {
			if s.passes(m, r) {
				through = append(through, r)
			}
		}
		if len(through) == 0 {
			return
		}
		size, _ := strconv.Atoi(m.Text("BatchSize"))
		plan := plain(through, max(size, 1))
		if s.opts.Stream != nil {
			plan = s.opts.Stream(f.id, through)
		}
		for _, together := range plan {
			var side sync.WaitGroup
			for _, batch := range together {
				side.Go(func() { s.deliverRecords(ctx, m, f, batch, 0) })
			}
			side.Wait()
		}
	})
}

func plain(records []Record, size int) (plan []Together) {
	for batch := range slices.Chunk(records, size) {
		plan = append(plan, Together{batch})
	}
	return plan
}

// openStream returns a function that reads on from where it was.
func (s *Stack) openStream(ctx context.Context, arn string) (func(context.Context) []Record, error) {
	call := func(ctx context.Context, operation string, in, out any) error {
		return post(ctx, s.platform.dynamo, "dynamodb", s.Region, "DynamoDBStreams_20120810."+operation, in, out)
	}
	name := strings.Split(strings.SplitN(arn, ":table/", 2)[1], "/")[0]
	var streams struct{ Streams []struct{ StreamArn string } }
	if err := call(ctx, "ListStreams", map[string]any{"TableName": name}, &streams); err != nil {
		return nil, err
	}
	if len(streams.Streams) == 0 {
		return nil, fmt.Errorf("table %s has no stream", name)
	}
	local := streams.Streams[0].StreamArn
	iterators, last := map[string]string{}, map[string]string{} // by shard; where last is the last sequence number read
	open := func(ctx context.Context) ([]string, error) {
		var described struct {
			StreamDescription struct{ Shards []struct{ ShardId string } }
		}
		if err := call(ctx, "DescribeStream", map[string]any{"StreamArn": local}, &described); err != nil {
			return nil, err
		}
		var shards []string
		for _, shard := range described.StreamDescription.Shards {
			shards = append(shards, shard.ShardId)
			if iterators[shard.ShardId] != "" {
				continue
			}
			in := map[string]any{"StreamArn": local, "ShardId": shard.ShardId, "ShardIteratorType": "TRIM_HORIZON"}
			if last[shard.ShardId] != "" {
				in["ShardIteratorType"], in["SequenceNumber"] = "AFTER_SEQUENCE_NUMBER", last[shard.ShardId]
			}
			var at struct{ ShardIterator string }
			if err := call(ctx, "GetShardIterator", in, &at); err != nil {
				return nil, err
			}
			iterators[shard.ShardId] = at.ShardIterator
		}
		return shards, nil
	}
	if _, err := open(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (all []Record) {
		shards, err := open(ctx) // an iterator runs out, a shard is followed by another
		if err != nil {
			return nil
		}
		for _, shard := range shards {
			var out struct {
				NextShardIterator string
				Records           []Record
			}
			if call(ctx, "GetRecords", map[string]any{"ShardIterator": iterators[shard]}, &out) != nil {
				iterators[shard] = ""
				continue
			}
			iterators[shard] = out.NextShardIterator
			for _, r := range out.Records {
				r["eventSourceARN"] = arn
				last[shard] = r.sequence()
			}
			all = append(all, out.Records...)
		}
		return all
	}, nil
}

// passes applies the filters of a mapping: one must match (Lambda Developer
// Guide, "Event filtering"). Only equality, as lists of texts, is known here.
func (s *Stack) passes(m template.Resource, r Record) bool {
	filters := template.List(m.Get("FilterCriteria", "Filters"))
	for _, filter := range filters {
		var pattern map[string]any
		if err := json.Unmarshal([]byte(fmt.Sprint(template.Get(filter, "Pattern"))), &pattern); err != nil {
			s.complain("mapping %s: filter: %v", m.ID, err)
			return false
		}
		if matches(pattern, map[string]any(r)) {
			return true
		}
	}
	return len(filters) == 0
}

func matches(pattern, value any) bool {
	switch of := pattern.(type) {
	case map[string]any:
		for name, sub := range of {
			if !matches(sub, template.Get(value, name)) {
				return false
			}
		}
		return true
	case []any:
		return slices.ContainsFunc(of, func(want any) bool { return want == value })
	}
	return false
}

// deliverRecords hands a batch to a function, and what it does not do again, as
// the mapping says: after the first record that failed, in halves if the whole
// batch fails, until the retries are used up; then it is set aside.
func (s *Stack) deliverRecords(ctx context.Context, m template.Resource, f *function, batch []Record, tries int) {
	if ctx.Err() != nil || len(batch) == 0 {
		return
	}
	event, err := json.Marshal(map[string]any{"Records": batch})
	if err != nil {
		return
	}
	answer, err := f.invoke(ctx, event)
	if err == nil {
		ids, understood := failures(m, answer.Payload)
		first := slices.IndexFunc(batch, func(r Record) bool { return slices.Contains(ids, r.sequence()) })
		switch {
		case understood && len(ids) == 0:
			return
		case understood && first > 0:
			s.deliverRecords(ctx, m, f, batch[first:], tries+1)
			return
		}
	}
	if m.Get("BisectBatchOnFunctionError") == true && len(batch) > 1 {
		half := len(batch) / 2 // splitting does not count as a retry
		s.deliverRecords(ctx, m, f, batch[:half], tries)
		s.deliverRecords(ctx, m, f, batch[half:], tries)
		return
	}
	limit, err := strconv.Atoi(m.Text("MaximumRetryAttempts"))
	if err != nil || limit < 0 {
		s.complain("mapping %s: endless retries: one bad record stops its shard for a day", m.ID)
		return
	}
	if tries >= limit {
		s.setAside(ctx, m, f, batch, tries+1)
		return
	}
	timer := time.NewTimer(min(time.Duration(1<<tries)*50*time.Millisecond, 2*time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		s.deliverRecords(ctx, m, f, batch, tries+1)
	case <-ctx.Done():
	}
}

// setAside sends to the failure destination what Lambda sends: where the
// records stand, not the records.
func (s *Stack) setAside(ctx context.Context, m template.Resource, f *function, batch []Record, attempts int) {
	destination := m.Text("DestinationConfig", "OnFailure", "Destination")
	if destination == "" {
		s.complain("mapping %s: %d records lost: there is no failure destination", m.ID, len(batch))
		return
	}
	s.sendAside(ctx, f, destination, map[string]any{
		"version": "1.0", "timestamp": time.Now().UTC(),
		"requestContext": map[string]any{"functionArn": f.id, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": attempts},
		"DDBStreamBatchInfo": map[string]any{
			"startSequenceNumber": batch[0].sequence(), "endSequenceNumber": batch[len(batch)-1].sequence(), "batchSize": len(batch),
			"streamArn": m.Text("EventSourceArn"),
		},
	})
}

// sendAside sends to a failure destination, which Lambda does in the name of the
// function's role.
func (s *Stack) sendAside(ctx context.Context, f *function, destination string, content map[string]any) {
	if _, ok := f.proxy.policy.allows(access{"sqs:SendMessage", destination, ""}); !ok {
		s.complain("%s: its role may not send to its failure destination %s", f.id, destination)
		return
	}
	f.proxy.mu.Lock()
	f.proxy.used["sqs:SendMessage"] = true
	f.proxy.mu.Unlock()
	body, err := json.Marshal(content)
	if err != nil {
		return
	}
	name := destination[strings.LastIndex(destination, ":")+1:]
	if err := post(context.WithoutCancel(ctx), s.platform.moto, "sqs", s.Region, "AmazonSQS.SendMessage",
		map[string]any{"QueueUrl": s.platform.moto + "/" + template.Account + "/" + name, "MessageBody": string(body)}, nil); err != nil {
		s.complain("%s: set aside: %v", f.id, err)
	}
}
