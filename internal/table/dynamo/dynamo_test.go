package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
	"github.com/sondehq/sonde/internal/table/tabletest"
)

// scripted is a DynamoDB that fails in turn as it is told, and counts.
type scripted struct {
	dynamo.API
	errs  []error // of writes; after them all succeed
	calls []string

	batches []*dynamodb.BatchGetItemOutput // in turn, the last one for ever
	asked   []int                          // keys of each BatchGetItem
}

func (s *scripted) next(call string) error {
	s.calls = append(s.calls, call)
	if len(s.errs) == 0 {
		return nil
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err
}

func (s *scripted) PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return &dynamodb.PutItemOutput{}, s.next("PutItem")
}

func (s *scripted) DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return &dynamodb.DeleteItemOutput{}, s.next("DeleteItem")
}

func (s *scripted) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{}, s.next("GetItem")
}

func (s *scripted) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return &dynamodb.TransactWriteItemsOutput{}, s.next(fmt.Sprintf("TransactWriteItems of %d", len(in.TransactItems)))
}

func (s *scripted) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	s.asked = append(s.asked, len(in.RequestItems["sonde"].Keys))
	out := s.batches[0]
	if len(s.batches) > 1 {
		s.batches = s.batches[1:]
	}
	return out, nil
}

func put(sk string) table.Op {
	return table.Op{Row: table.Row{Key: table.Key{PK: "p", SK: sk}, Kind: "test", Version: 1}}
}

// cancelled is what a transaction fails with, one reason for each operation.
func cancelled(reasons ...string) error {
	err := &types.TransactionCanceledException{}
	for _, r := range reasons {
		err.CancellationReasons = append(err.CancellationReasons, types.CancellationReason{Code: aws.String(r)})
	}
	return fmt.Errorf("operation error DynamoDB: %w", err)
}

func repeat(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func TestWriteErrors(t *testing.T) {
	one, two := []table.Op{put("a")}, []table.Op{put("a"), put("b")}
	remove := table.Op{Verb: table.Delete, Row: put("a").Row}
	check := table.Op{Verb: table.Check, Row: put("a").Row, If: table.Absent}
	broken := &smithy.GenericAPIError{Code: "InternalServerError", Message: "broken"}
	condition := fmt.Errorf("operation error DynamoDB: %w", &types.ConditionalCheckFailedException{})
	busy := fmt.Errorf("operation error DynamoDB: %w", &types.TransactionConflictException{})
	for _, c := range []struct {
		name  string
		ops   []table.Op
		errs  []error
		calls int
		want  error // nil: none
	}{
		{"OK", one, nil, 1, nil},
		{"OK, two", two, nil, 1, nil},
		{"condition", one, []error{condition}, 1, table.ErrConflict},
		{"condition of a delete", []table.Op{remove}, []error{condition}, 1, table.ErrConflict},
		{"condition of one of two", two, []error{cancelled("None", "ConditionalCheckFailed")}, 1, table.ErrConflict},
		{"condition and busy", two, []error{cancelled("TransactionConflict", "ConditionalCheckFailed")}, 1, table.ErrConflict},
		{"busy once", one, repeat(1, busy), 2, nil},
		{"busy, then condition", one, []error{busy, condition}, 2, table.ErrConflict},
		{"busy for long", one, repeat(9, busy), 5, busy},
		{"transaction busy once", two, []error{cancelled("TransactionConflict", "None")}, 2, nil},
		{"transaction throttled", two, []error{cancelled("None", "ThrottlingError"), cancelled("ProvisionedThroughputExceeded", "None")}, 3, nil},
		{"cancelled for another reason", two, []error{cancelled("ValidationError", "None")}, 1, new(types.TransactionCanceledException)},
		{"broken", one, []error{broken}, 1, broken},
		{"check alone", []table.Op{check}, nil, 1, nil},
		{"check alone, broken", []table.Op{check}, []error{broken}, 1, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the pauses take no time
				api := &scripted{errs: c.errs}
				err := dynamo.New(api, "sonde", time.Now).Write(t.Context(), c.ops...)
				switch want := c.want.(type) {
				case nil:
					if err != nil {
						t.Errorf("Write: %v", err)
					}
				case *types.TransactionCanceledException:
					if !errors.As(err, &want) || errors.Is(err, table.ErrConflict) {
						t.Errorf("Write: %v, want a cancelled transaction", err)
					}
				default:
					if !errors.Is(err, want) || errors.Is(err, table.ErrConflict) != (want == table.ErrConflict) {
						t.Errorf("Write: %v, want %v", err, want)
					}
				}
				if len(api.calls) != c.calls {
					t.Errorf("calls %q, want %d", api.calls, c.calls)
				}
			})
		})
	}
}

// TestWriteCalls: a transaction, which costs twice, is for several rows only.
func TestWriteCalls(t *testing.T) {
	row := put("a").Row
	for _, c := range []struct {
		ops  []table.Op
		want string
	}{
		{[]table.Op{put("a")}, "PutItem"},
		{[]table.Op{{Verb: table.Delete, Row: row}}, "DeleteItem"},
		{[]table.Op{{Verb: table.Check, Row: row, If: table.Absent}}, "GetItem"},
		{[]table.Op{put("a"), {Verb: table.Delete, Row: put("b").Row}, {Verb: table.Check, Row: put("c").Row, If: table.Absent}}, "TransactWriteItems of 3"},
	} {
		api := &scripted{}
		if err := dynamo.New(api, "sonde", time.Now).Write(t.Context(), c.ops...); err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
		if d := cmp.Diff([]string{c.want}, api.calls); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
}

func TestWriteEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		api := &scripted{errs: repeat(9, &types.TransactionConflictException{})}
		done := make(chan error, 1)
		go func() { done <- dynamo.New(api, "sonde", time.Now).Write(ctx, put("a")) }()
		synctest.Wait() // it pauses
		cancel(nil)
		if err := <-done; !errors.Is(err, context.Canceled) || len(api.calls) != 1 {
			t.Errorf("Write: %v after %q", err, api.calls)
		}
	})
}

func batchItem(sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "p"}, "sk": &types.AttributeValueMemberS{Value: sk},
		"kind": &types.AttributeValueMemberS{Value: "test"}, "version": &types.AttributeValueMemberN{Value: "1"},
	}
}

func batchOutput(found, left []string) *dynamodb.BatchGetItemOutput {
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}}
	for _, sk := range found {
		out.Responses["sonde"] = append(out.Responses["sonde"], batchItem(sk))
	}
	if len(left) > 0 {
		var unprocessed types.KeysAndAttributes
		for _, sk := range left {
			it := batchItem(sk)
			unprocessed.Keys = append(unprocessed.Keys, map[string]types.AttributeValue{"pk": it["pk"], "sk": it["sk"]})
		}
		out.UnprocessedKeys = map[string]types.KeysAndAttributes{"sonde": unprocessed}
	}
	return out
}

func TestBatchGetUnprocessed(t *testing.T) {
	keys := []table.Key{{PK: "p", SK: "a"}, {PK: "p", SK: "b"}, {PK: "p", SK: "c"}}
	for _, c := range []struct {
		name    string
		batches []*dynamodb.BatchGetItemOutput
		asked   []int
		want    []string
		says    string // the error
	}{
		{"all at once", []*dynamodb.BatchGetItemOutput{batchOutput([]string{"b", "c", "a"}, nil)}, []int{3}, []string{"a", "b", "c"}, ""},
		{"one at a time", []*dynamodb.BatchGetItemOutput{
			batchOutput([]string{"b"}, []string{"c", "a"}), batchOutput([]string{"c"}, []string{"a"}), batchOutput([]string{"a"}, nil),
		}, []int{3, 2, 1}, []string{"a", "b", "c"}, ""},
		{"nothing for a while", []*dynamodb.BatchGetItemOutput{
			batchOutput(nil, []string{"a", "b", "c"}), batchOutput(nil, []string{"a", "b", "c"}), batchOutput([]string{"a", "c"}, nil),
		}, []int{3, 3, 3}, []string{"a", "c"}, ""},
		{"nothing for long", []*dynamodb.BatchGetItemOutput{batchOutput(nil, []string{"a", "b", "c"})}, []int{3, 3, 3, 3, 3}, nil, "3 keys are still unprocessed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &scripted{batches: c.batches}
				rows, err := dynamo.New(api, "sonde", time.Now).BatchGet(t.Context(), keys)
				if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("BatchGet: %v, want %q", err, c.says)
				}
				var got []string
				for _, r := range rows {
					got = append(got, r.SK)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("rows (-want +got)\n%s", d)
				}
				if d := cmp.Diff(c.asked, api.asked); d != "" {
					t.Errorf("keys of each call (-want +got)\n%s", d)
				}
			})
		})
	}
}

// counting counts the calls of Query.
type counting struct {
	dynamo.API
	queries int
}

func (c *counting) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	c.queries++
	return c.API.Query(ctx, in, o...)
}

// TestQueryManyDead: many dead rows before a live one do not cost a call each.
func TestQueryManyDead(t *testing.T) {
	const dead = 1000
	client, name := dynamotest.Table(t)
	clock := tabletest.NewClock()
	api := &counting{API: client}
	tbl := dynamo.New(api, name, clock.Now)
	var ops []table.Op
	for i := range dead {
		op := put(fmt.Sprintf("%04d", i))
		op.Row.Expires = clock.Now()
		if ops = append(ops, op); len(ops) == table.MaxOps {
			if err := tbl.Write(t.Context(), ops...); err != nil {
				t.Fatal(err)
			}
			ops = nil
		}
	}
	if err := tbl.Write(t.Context(), put("z")); err != nil {
		t.Fatal(err)
	}
	page, err := tbl.Query(t.Context(), table.Query{PK: "p", Limit: 1})
	if err != nil || len(page.Rows) != 1 || page.Rows[0].SK != "z" {
		t.Errorf("page %+v, %v", page, err)
	}
	if api.queries > 11 { // 1 + 2 + 4 + … > 1000
		t.Errorf("%d calls for %d dead rows", api.queries, dead)
	}
}

// TestNoTable: what only an operator can mend is an error with its reason.
func TestNoTable(t *testing.T) {
	tbl := dynamo.New(dynamotest.Client(t), "nobody", time.Now)
	_, err := tbl.Get(t.Context(), table.Key{PK: "p", SK: "s"})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || errors.Is(err, table.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := tbl.Write(t.Context(), put("s")); !errors.As(err, &missing) {
		t.Errorf("Write: %v", err)
	}
}

// lossy loses the answer of the first transaction that went through.
type lossy struct {
	http.RoundTripper
	lost int
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusOK && l.lost == 0 && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "TransactWriteItems") {
		l.lost++
		return nil, errors.Join(errors.New("connection reset by peer"), response.Body.Close())
	}
	return response, err
}

// TestTransactionRepeated: a transaction whose answer was lost is repeated
// under its token, so its conditions do not meet its own rows.
func TestTransactionRepeated(t *testing.T) {
	client, name := dynamotest.Table(t)
	transport := &lossy{RoundTripper: http.DefaultTransport}
	options := client.Options()
	options.HTTPClient = &http.Client{Transport: transport}
	tbl := dynamo.New(dynamodb.New(options), name, time.Now)
	a, b := put("a"), put("b")
	a.If, b.If = table.Absent, table.Absent
	if err := tbl.Write(t.Context(), a, b); err != nil {
		t.Errorf("Write: %v", err)
	}
	if transport.lost != 1 {
		t.Error("no answer was lost")
	}
	if err := tbl.Write(t.Context(), a, b); !errors.Is(err, table.ErrConflict) {
		t.Errorf("another Write: %v, want ErrConflict", err)
	}
}
