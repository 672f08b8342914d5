package dynamo_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
	"github.com/sondehq/sonde/internal/table/tabletest"
)

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }

// TestItem pins the form of items, which consoles show and stream filters name.
func TestItem(t *testing.T) {
	client, name := dynamotest.Table(t)
	clock := tabletest.NewClock()
	tbl := dynamo.New(client, name, clock.Now)
	row := table.Row{
		Key: table.Key{PK: "SERVICE#app", SK: "STATE"}, Kind: "state", Version: 7, Expires: clock.Now().AddDate(0, 0, 14),
		Doc:  []byte(`{"state":"down","since":1559091600000,"ratio":0.25,"ok":false,"none":null,"list":["a",1],"map":{"x":""}}`),
		Data: []byte{1, 0, 2},
	}
	if err := tbl.Write(t.Context(), table.Op{Row: row}); err != nil {
		t.Fatal(err)
	}
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &name, Key: map[string]types.AttributeValue{"pk": s(row.PK), "sk": s(row.SK)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]types.AttributeValue{
		"pk": s("SERVICE#app"), "sk": s("STATE"), "kind": s("state"), "version": n("7"), "expires": n("1560301200"),
		"data":  &types.AttributeValueMemberB{Value: []byte{1, 0, 2}},
		"state": s("down"), "since": n("1559091600000"), "ratio": n("0.25"),
		"ok":   &types.AttributeValueMemberBOOL{Value: false},
		"none": &types.AttributeValueMemberNULL{Value: true},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{s("a"), n("1")}},
		"map":  &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"x": s("")}},
	}
	ignore := cmpopts.IgnoreUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{},
		types.AttributeValueMemberBOOL{}, types.AttributeValueMemberNULL{}, types.AttributeValueMemberL{}, types.AttributeValueMemberM{})
	if d := cmp.Diff(want, out.Item, ignore); d != "" {
		t.Errorf("item (-want +got)\n%s", d)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]types.AttributeValue // nil removes
		says   string
	}{
		{"no key", map[string]types.AttributeValue{"pk": nil}, "attribute pk: missing"},
		{"numeric sort key", map[string]types.AttributeValue{"sk": n("1")}, "attribute sk: missing or not a string"},
		{"no kind", map[string]types.AttributeValue{"kind": nil}, "attribute kind"},
		{"no version", map[string]types.AttributeValue{"version": nil}, "attribute version: missing"},
		{"version with a fraction", map[string]types.AttributeValue{"version": n("1.5")}, "attribute version"},
		{"expiry in words", map[string]types.AttributeValue{"expires": s("tomorrow")}, "attribute expires"},
		{"data as text", map[string]types.AttributeValue{"data": s("x")}, "attribute data: not binary"},
		{"set", map[string]types.AttributeValue{"tags": &types.AttributeValueMemberSS{Value: []string{"a"}}}, "attribute tags: type"},
		{"binary in a list", map[string]types.AttributeValue{"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberB{}}}}, "attribute l: type"},
		{"number that is none", map[string]types.AttributeValue{"n": n("NaN")}, "not JSON"},
		{"two faults", map[string]types.AttributeValue{"kind": nil, "version": nil}, "attribute version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			item := batchItem("s")
			for name, v := range c.change {
				if item[name] = v; v == nil {
					delete(item, name)
				}
			}
			if row, err := dynamo.Decode(item); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Decode: %v, %v, want %q", row, err, c.says)
			}
		})
	}
	row, err := dynamo.Decode(batchItem("s"))
	want := table.Row{Key: table.Key{PK: "p", SK: "s"}, Kind: "test", Version: 1, Doc: []byte("{}")}
	if d := cmp.Diff(want, row); d != "" || err != nil {
		t.Errorf("Decode of the least item: %v (-want +got)\n%s", err, d)
	}
}
