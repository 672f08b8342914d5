package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Narrow returns the operations that a table uses of a client, and hides the
// client from the linker: where a program uses reflection by method name
// (html/template and expr do), every method of a type that becomes an interface
// is linked, and a client has some 60, with all that they need: 3 MB.
func Narrow(c *dynamodb.Client) API {
	return narrow{c.GetItem, c.BatchGetItem, c.Query, c.PutItem, c.DeleteItem, c.TransactWriteItems}
}

type call[In, Out any] func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error)

type narrow struct {
	get      call[dynamodb.GetItemInput, dynamodb.GetItemOutput]
	batchGet call[dynamodb.BatchGetItemInput, dynamodb.BatchGetItemOutput]
	query    call[dynamodb.QueryInput, dynamodb.QueryOutput]
	put      call[dynamodb.PutItemInput, dynamodb.PutItemOutput]
	del      call[dynamodb.DeleteItemInput, dynamodb.DeleteItemOutput]
	transact call[dynamodb.TransactWriteItemsInput, dynamodb.TransactWriteItemsOutput]
}

func (n narrow) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return n.get(ctx, in, o...)
}

func (n narrow) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return n.batchGet(ctx, in, o...)
}

func (n narrow) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return n.query(ctx, in, o...)
}

func (n narrow) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return n.put(ctx, in, o...)
}

func (n narrow) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return n.del(ctx, in, o...)
}

func (n narrow) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return n.transact(ctx, in, o...)
}
