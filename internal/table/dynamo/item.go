package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/table"
)

// The attributes of an item that are not members of the row's document.
const (
	attrPK      = "pk"
	attrSK      = "sk"
	attrKind    = "kind"
	attrVersion = "version"
	attrExpires = "expires"
	attrData    = "data"
)

type item = map[string]types.AttributeValue

func keyItem(k table.Key) item {
	return item{attrPK: text(k.PK), attrSK: text(k.SK)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func integer(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// encode makes the item of a row that table.CheckOps has passed.
func encode(r *table.Row) (item, error) {
	it, err := encodeDoc(r.Doc)
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	it[attrPK], it[attrSK] = text(r.PK), text(r.SK)
	it[attrKind] = text(r.Kind)
	it[attrVersion] = integer(r.Version)
	if !r.Expires.IsZero() {
		it[attrExpires] = integer(r.Expires.Unix())
	}
	if len(r.Data) > 0 {
		it[attrData] = &types.AttributeValueMemberB{Value: r.Data}
	}
	return it, nil
}

// Decode reads a row out of an item. It returns an error if an attribute is
// missing or not of its type, or has a type that JSON has not: such an item was
// not written by this package. Whether the row has expired is not asked.
func Decode(it map[string]types.AttributeValue) (table.Row, error) {
	d := decoder{item: it}
	row := table.Row{
		Key:     table.Key{PK: d.text(attrPK), SK: d.text(attrSK)},
		Kind:    d.text(attrKind),
		Version: d.integer(attrVersion),
	}
	if _, ok := it[attrExpires]; ok {
		row.Expires = time.Unix(d.integer(attrExpires), 0).UTC()
	}
	if data, ok := it[attrData]; ok {
		b, ok := data.(*types.AttributeValueMemberB)
		if !ok {
			d.fail(attrData, errors.New("not binary"))
		} else {
			row.Data = b.Value
		}
	}
	doc, err := decodeDoc(it)
	d.err = errors.Join(d.err, err)
	row.Doc = doc
	if d.err != nil {
		return table.Row{}, fmt.Errorf("decode item %q %q: %w", row.PK, row.SK, d.err)
	}
	return row, nil
}

// decoder collects what is wrong with an item.
type decoder struct {
	item item
	err  error
}

func (d *decoder) fail(name string, err error) {
	d.err = errors.Join(d.err, fmt.Errorf("attribute %s: %w", name, err))
}

func (d *decoder) text(name string) string {
	s, ok := d.item[name].(*types.AttributeValueMemberS)
	if !ok {
		d.fail(name, errors.New("missing or not a string"))
		return ""
	}
	return s.Value
}

func (d *decoder) integer(name string) int64 {
	v, ok := d.item[name].(*types.AttributeValueMemberN)
	if !ok {
		d.fail(name, errors.New("missing or not a number"))
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		d.fail(name, err)
	}
	return n
}
