package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/table"
)

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key) (table.Row, error) {
	if err := table.CheckKey(key); err != nil {
		return table.Row{}, err
	}
	now := t.now()
	out, err := t.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &t.name,
		Key:            keyItem(key),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return table.Row{}, fmt.Errorf("get %s %s: %w", key.PK, key.SK, err)
	}
	if len(out.Item) == 0 {
		return table.Row{}, table.ErrNotFound
	}
	row, err := Decode(out.Item)
	if err != nil {
		return table.Row{}, err
	}
	if row.IsExpired(now) {
		return table.Row{}, table.ErrNotFound
	}
	return row, nil
}

// BatchGet implements table.Table. The rows may be of different moments.
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	if err := table.CheckKeys(keys); err != nil || len(keys) == 0 {
		return nil, err
	}
	now := t.now()
	wanted := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, key := range keys {
		wanted.Keys = append(wanted.Keys, keyItem(key))
	}
	found := make(map[table.Key]table.Row, len(keys))
	err := t.batch(ctx, wanted, func(row table.Row) {
		if !row.IsExpired(now) {
			found[row.Key] = row
		}
	})
	if err != nil {
		return nil, fmt.Errorf("get %d rows: %w", len(keys), err)
	}
	rows := make([]table.Row, 0, len(found))
	for _, key := range keys {
		if row, ok := found[key]; ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// batch asks until no key is left unprocessed. DynamoDB leaves keys out when
// the answer would be over 16 MB, which is progress, or when it is too busy,
// which is none (API Reference, BatchGetItem): only that counts as an attempt.
func (t *Table) batch(ctx context.Context, wanted types.KeysAndAttributes, each func(table.Row)) error {
	for attempt := 0; ; {
		out, err := t.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{t.name: wanted},
		})
		if err != nil {
			return err
		}
		for _, items := range out.Responses { // of the one table, though it may answer by its ARN
			for _, it := range items {
				row, err := Decode(it)
				if err != nil {
					return err
				}
				each(row)
			}
		}
		before := len(wanted.Keys)
		wanted.Keys = nil
		for _, left := range out.UnprocessedKeys {
			wanted.Keys = append(wanted.Keys, left.Keys...)
		}
		switch {
		case len(wanted.Keys) == 0:
			return nil
		case len(wanted.Keys) < before:
			attempt = 0
			continue
		}
		if attempt++; attempt == maxAttempts {
			return fmt.Errorf("%d keys are still unprocessed after %d attempts", len(wanted.Keys), attempt)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}
