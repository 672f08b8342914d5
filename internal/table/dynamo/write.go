package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/table"
)

// Write implements table.Table.
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.CheckOps(ops); err != nil {
		return err
	}
	write := t.transaction
	if len(ops) == 1 {
		write = t.single
	}
	for attempt := 0; ; attempt++ {
		err := write(ctx, ops)
		if err == nil {
			return nil
		}
		if isConflict(err) {
			err = table.ErrConflict
		} else if attempt+1 < maxAttempts && isBusy(err) {
			if err := pause(ctx, attempt); err != nil {
				return err
			}
			continue
		}
		return fmt.Errorf("write %d rows, the first %s %s: %w", len(ops), ops[0].Row.PK, ops[0].Row.SK, err)
	}
}

// single does one operation without a transaction, for half the price.
func (t *Table) single(ctx context.Context, ops []table.Op) error {
	op := &ops[0]
	if op.Verb == table.Check { // a read and no write
		row, err := t.Get(ctx, op.Row.Key)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return err
		}
		stored := &row
		if err != nil {
			stored = nil
		}
		if !op.If.Holds(stored, t.now()) {
			return table.ErrConflict
		}
		return nil
	}
	c := express(op.If, t.now())
	if op.Verb == table.Delete {
		_, err := t.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &t.name, Key: keyItem(op.Row.Key),
			ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		})
		return err
	}
	it, err := encode(&op.Row)
	if err != nil {
		return err
	}
	_, err = t.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: it,
		ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	})
	return err
}

// transaction does all operations or none. Within one call the SDK's repeats
// carry one token, by which DynamoDB knows them.
func (t *Table) transaction(ctx context.Context, ops []table.Op) error {
	now := t.now()
	in := &dynamodb.TransactWriteItemsInput{TransactItems: make([]types.TransactWriteItem, len(ops))}
	for i := range ops {
		op, to := &ops[i], &in.TransactItems[i]
		c := express(op.If, now)
		switch op.Verb {
		case table.Put:
			it, err := encode(&op.Row)
			if err != nil {
				return err
			}
			to.Put = &types.Put{TableName: &t.name, Item: it,
				ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values}
		case table.Delete:
			to.Delete = &types.Delete{TableName: &t.name, Key: keyItem(op.Row.Key),
				ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values}
		case table.Check:
			to.ConditionCheck = &types.ConditionCheck{TableName: &t.name, Key: keyItem(op.Row.Key),
				ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values}
		}
	}
	_, err := t.api.TransactWriteItems(ctx, in)
	return err
}

// expression is a condition as DynamoDB takes it; nil for none.
type expression struct {
	text   *string
	names  map[string]string
	values map[string]types.AttributeValue
}

// express writes a condition down. Expiries are whole seconds, so a row is
// alive at now if it expires in a later second. A comparison with an attribute
// that is not there is false.
func express(c table.Condition, now time.Time) expression {
	e := expression{
		names:  map[string]string{"#expires": attrExpires},
		values: map[string]types.AttributeValue{":now": integer(now.Unix())},
	}
	version, asksVersion := c.Version()
	switch {
	case asksVersion:
		e.text = aws.String("#version = :version AND (attribute_not_exists(#expires) OR #expires > :now)")
		e.names["#version"], e.values[":version"] = attrVersion, integer(version)
	case c.IsAbsent():
		e.text = aws.String("attribute_not_exists(#pk) OR #expires <= :now")
		e.names["#pk"] = attrPK
	default:
		return expression{}
	}
	return e
}

// Reasons for which a transaction is cancelled (API Reference,
// TransactWriteItems, "TransactionCanceledException").
const (
	reasonCondition = "ConditionalCheckFailed"
	reasonConflict  = "TransactionConflict"
	reasonThrottled = "ThrottlingError"
	reasonCapacity  = "ProvisionedThroughputExceeded"
)

// isConflict reports whether a condition did not hold.
func isConflict(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.Is(err, table.ErrConflict) || errors.As(err, &failed) || wasCancelledFor(err, reasonCondition)
}

// isBusy reports whether nothing was done, and may be tried again, which the
// SDK does not do by itself.
func isBusy(err error) bool {
	var conflict *types.TransactionConflictException
	return errors.As(err, &conflict) || wasCancelledFor(err, reasonConflict, reasonThrottled, reasonCapacity)
}

func wasCancelledFor(err error, reasons ...string) bool {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return false
	}
	for _, r := range cancelled.CancellationReasons {
		for _, reason := range reasons {
			if aws.ToString(r.Code) == reason {
				return true
			}
		}
	}
	return false
}
