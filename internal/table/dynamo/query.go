package dynamo

import (
	"context"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/table"
)

// Query implements table.Table. Rows that were put while it reads may show or
// not.
//
// Dead rows are filtered by DynamoDB, but it counts them against its own limit
// and ends there: so a page is asked for until it is full, and each time for
// twice as much, lest a thousand dead rows cost a thousand calls.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	after, err := q.After()
	if err != nil {
		return table.Page{}, err
	}
	if q.From != "" && q.To != "" && q.From >= q.To {
		return table.Page{}, ctx.Err() // DynamoDB would call it an error
	}
	in := t.queryInput(q, after)
	var page table.Page
	for {
		out, err := t.api.Query(ctx, in)
		if err != nil {
			return table.Page{}, fmt.Errorf("query %s: %w", q.PK, err)
		}
		if err := appendRows(&page, q, out.Items); err != nil {
			return table.Page{}, fmt.Errorf("query %s: %w", q.PK, err)
		}
		more := len(out.LastEvaluatedKey) > 0
		// Ended by its size of 1 MB and not by a limit (API Reference, Query).
		long := in.Limit == nil || out.ScannedCount < *in.Limit
		full := q.Limit > 0 && len(page.Rows) >= q.Limit || long && len(page.Rows) > 0
		if full || !more {
			return cut(page, q, more), nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
		if in.Limit != nil {
			*in.Limit = min(*in.Limit, math.MaxInt32/2) * 2
		}
	}
}

// cut ends a page at the query's limit and sets its cursor.
func cut(page table.Page, q table.Query, more bool) table.Page {
	if q.Limit > 0 && len(page.Rows) > q.Limit {
		page.Rows, more = page.Rows[:q.Limit], true
	}
	if more {
		page.Cursor = q.CursorAfter(page.Rows[len(page.Rows)-1].SK)
	}
	return page
}

// appendRows decodes items. A range with both ends is asked for with BETWEEN,
// which takes in its upper end: that one is left out here.
func appendRows(page *table.Page, q table.Query, items []item) error {
	for _, it := range items {
		row, err := Decode(it)
		if err != nil {
			return err
		}
		if q.To == "" || row.SK < q.To {
			page.Rows = append(page.Rows, row)
		}
	}
	return nil
}

func (t *Table) queryInput(q table.Query, after string) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                &t.name,
		ConsistentRead:           aws.Bool(true),
		ScanIndexForward:         aws.Bool(!q.Descending),
		KeyConditionExpression:   aws.String("#pk = :pk"),
		FilterExpression:         aws.String("attribute_not_exists(#expires) OR #expires > :now"),
		ExpressionAttributeNames: map[string]string{"#pk": attrPK, "#expires": attrExpires},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": text(q.PK), ":now": integer(t.now().Unix()),
		},
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	if after != "" {
		in.ExclusiveStartKey = keyItem(table.Key{PK: q.PK, SK: after})
	}
	condition := ""
	switch {
	case q.From != "" && q.To != "":
		condition = " AND #sk BETWEEN :from AND :to"
	case q.From != "":
		condition = " AND #sk >= :from"
	case q.To != "":
		condition = " AND #sk < :to"
	default:
		return in
	}
	*in.KeyConditionExpression += condition
	in.ExpressionAttributeNames["#sk"] = attrSK
	if q.From != "" {
		in.ExpressionAttributeValues[":from"] = text(q.From)
	}
	if q.To != "" {
		in.ExpressionAttributeValues[":to"] = text(q.To)
	}
	return in
}
