package image_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/dynamo/image"
)

func TestFromImage(t *testing.T) {
	const record = `{
		"pk": {"S": "BATCH#001"}, "sk": {"S": "2019-05-28T18:00:00.000Z#us-west-2#0"}, "kind": {"S": "batch"},
		"version": {"N": "1"}, "expires": {"N": "1560301200"}, "data": {"B": "AQAC"},
		"checks": {"N": "50"}, "exact": {"N": "9007199254740993"}, "late": {"NULL": true}, "ok": {"BOOL": false},
		"empty": {"S": ""}, "none": {"L": []}, "void": {"M": {}},
		"failures": {"L": [{"M": {"monitor": {"S": "lb-primary"}, "status": {"N": "503"}}}]}
	}`
	var from map[string]events.DynamoDBAttributeValue
	if err := json.Unmarshal([]byte(record), &from); err != nil {
		t.Fatal(err)
	}
	got, err := image.FromImage(from)
	want := table.Row{
		Key:  table.Key{PK: "BATCH#001", SK: "2019-05-28T18:00:00.000Z#us-west-2#0"},
		Kind: "batch", Version: 1, Expires: time.Unix(1560301200, 0).UTC(), Data: []byte{1, 0, 2},
		Doc: []byte(`{"checks":50,"empty":"","exact":9007199254740993,"failures":[{"monitor":"lb-primary","status":503}],` +
			`"late":null,"none":[],"ok":false,"void":{}}`),
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("FromImage: %v (-want +got)\n%s", err, d)
	}
}

func TestFromImageRefuses(t *testing.T) {
	const good = `"pk": {"S": "p"}, "sk": {"S": "s"}, "kind": {"S": "k"}, "version": {"N": "1"}`
	for _, c := range []struct{ name, image, says string }{
		{"nothing", `{}`, "empty"},
		{"keys only", `{"pk": {"S": "p"}, "sk": {"S": "s"}}`, "attribute kind"},
		{"set", `{` + good + `, "x": {"SS": ["a"]}}`, "attribute x: sets"},
		{"set in a map", `{` + good + `, "x": {"M": {"y": {"NS": ["1"]}}}}`, "attribute x: attribute y: sets"},
		{"binary set in a list", `{` + good + `, "x": {"L": [{"BS": ["AQ=="]}]}}`, "attribute x: sets"},
		{"version in words", `{"pk": {"S": "p"}, "sk": {"S": "s"}, "kind": {"S": "k"}, "version": {"S": "one"}}`, "attribute version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var from map[string]events.DynamoDBAttributeValue
			if err := json.Unmarshal([]byte(c.image), &from); err != nil {
				t.Fatal(err)
			}
			if row, err := image.FromImage(from); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("FromImage: %v, %v, want %q", row, err, c.says)
			}
		})
	}
	if _, err := image.FromImage(map[string]events.DynamoDBAttributeValue{"x": {}}); err == nil || !strings.Contains(err.Error(), "attribute x: it has no value") {
		t.Errorf("FromImage of a value without a type: %v", err)
	}
}
