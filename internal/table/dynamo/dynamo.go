// Package dynamo keeps the table in DynamoDB, with aws-sdk-go-v2. Items are
// readable in the console: pk, sk, kind, version, expires (the attribute for
// DynamoDB's time to live), data, and each member of the document as an
// attribute of its own.
//
//	t := dynamo.New(dynamodb.NewFromConfig(cfg), "sonde", time.Now)
//
// What it guarantees beyond table.Table:
//   - All reads are strongly consistent.
//   - A write of one row costs one write and not the two of a transaction.
//   - What DynamoDB turns away because it is too busy, or because another
//     transaction is under way on the same row, is tried again a few times;
//     then it is an error that is none of package table's, and the caller may
//     try again.
//   - A row that has expired counts as absent, though DynamoDB deletes it only
//     hours or days later.
//
// What callers must know: if the answer to a conditional write of one row is
// lost on the way, the SDK repeats it, and the repeat may meet its own row:
// ErrConflict then, although the row was written. As after any conflict, read
// again.
//
// What it leaves out: the change feed (that is the table's stream, see package
// dynamo/image), and the making of tables, which the stack does; CreateInput is
// for tests and trials.
package dynamo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/table"
)

// API is what is used of dynamodb.Client.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

var (
	_ API         = (*dynamodb.Client)(nil)
	_ table.Table = (*Table)(nil)
)

// Table is one DynamoDB table.
type Table struct {
	api  API
	name string
	now  func() time.Time
}

// New returns the table of a name. The clock says when rows expire.
func New(client API, tableName string, now func() time.Time) *Table {
	return &Table{client, tableName, now}
}

// CreateInput is how such a table is made: keys pk and sk, paid by request,
// with a stream of the rows as they were put. Time to live, on the attribute
// expires, is a call of its own.
func CreateInput(tableName string) *dynamodb.CreateTableInput {
	attribute := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS}
	}
	return &dynamodb.CreateTableInput{
		TableName:            aws.String(tableName),
		AttributeDefinitions: []types.AttributeDefinition{attribute(attrPK), attribute(attrSK)},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(attrPK), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(attrSK), KeyType: types.KeyTypeRange},
		},
		BillingMode: types.BillingModePayPerRequest,
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled:  aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewImage,
		},
	}
}

// Attempts and pauses of what DynamoDB was too busy for, beyond the SDK's own:
// 0–50, 0–100, 0–200 and 0–400 ms.
const (
	maxAttempts = 5
	firstPause  = 50 * time.Millisecond
)

// pause waits before the next attempt; attempt counts from 0. The waits are
// random, so that those who got into each other's way part.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(rand.N(firstPause << min(attempt, maxAttempts)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for another attempt: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}
