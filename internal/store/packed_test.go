package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// TestPackedLife: from when to when a certificate is valid comes through the packed
// form, of a result whose certificate itself is not kept.
func TestPackedLife(t *testing.T) {
	for name, issued := range map[string]time.Time{"known": t0.AddDate(0, 0, -60).Truncate(time.Second), "not known": {}} {
		want := result("a", monitor.OutcomeUp)
		want.Issued = issued
		op, err := store.BatchOp(schedule.Batch{Location: "eu-west-1", Scheduled: t0}, store.Batch{Location: "eu-west-1", Scheduled: t0, Results: []monitor.Result{want}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.DecodeBatch(op.Row)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]monitor.Result{want}, got.Results); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOldForms: what programs before this one have packed is read still.
func TestOldForms(t *testing.T) {
	ends := t0.AddDate(0, 0, 30).Truncate(time.Second)
	row := []any{"a", 120, [6]uint32{150, 2000, 3000, 8000, 5, 13155}, 200, []byte{}, ends.Unix()}
	doc, err := json.Marshal(store.Batch{Location: "eu-west-1", Scheduled: t0})
	if err != nil {
		t.Fatal(err)
	}
	for form, fields := range map[byte][]any{1: row, 2: append(row[:6:6], 60)} {
		data, err := cbor.Marshal([]any{fields})
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.DecodeBatch(table.Row{Doc: doc, Data: append([]byte{form}, data...)})
		if err != nil || len(got.Results) != 1 {
			t.Fatalf("form %d: %+v, %v", form, got, err)
		}
		want := result("a", monitor.OutcomeUp)
		want.Address, want.TTL = "", map[byte]int{1: 0, 2: 60}[form]
		if diff := cmp.Diff(want, got.Results[0]); diff != "" {
			t.Errorf("form %d (-want +got):\n%s", form, diff)
		}
	}
}
