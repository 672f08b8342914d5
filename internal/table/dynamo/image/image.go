// Package image reads rows out of the records of a DynamoDB stream, as AWS
// Lambda hands them to a function. It stands beside package dynamo so that only
// functions link aws-lambda-go.
package image

import (
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/dynamo"
)

// FromImage returns the row of a record's NewImage. It returns an error if the
// image is empty (a REMOVE has none) or was not written by package dynamo: a
// repeat does not help.
func FromImage(image map[string]events.DynamoDBAttributeValue) (table.Row, error) {
	if len(image) == 0 {
		return table.Row{}, errors.New("decode image: it is empty")
	}
	item, err := members(image)
	if err != nil {
		return table.Row{}, fmt.Errorf("decode image: %w", err)
	}
	return dynamo.Decode(item)
}

func members(image map[string]events.DynamoDBAttributeValue) (map[string]types.AttributeValue, error) {
	item := make(map[string]types.AttributeValue, len(image))
	for name, v := range image {
		var err error
		if item[name], err = value(v); err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return item, nil
}

func value(v events.DynamoDBAttributeValue) (types.AttributeValue, error) {
	switch v.DataType() {
	case events.DataTypeString:
		return &types.AttributeValueMemberS{Value: v.String()}, nil
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: v.Number()}, nil
	case events.DataTypeBinary:
		if v.IsNull() { // a value without a type, whose Binary would panic
			return nil, errors.New("it has no value")
		}
		return &types.AttributeValueMemberB{Value: v.Binary()}, nil
	case events.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: v.Boolean()}, nil
	case events.DataTypeNull:
		return &types.AttributeValueMemberNULL{Value: true}, nil
	case events.DataTypeMap:
		m, err := members(v.Map())
		return &types.AttributeValueMemberM{Value: m}, err
	case events.DataTypeList:
		list := make([]types.AttributeValue, len(v.List()))
		for i, element := range v.List() {
			var err error
			if list[i], err = value(element); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberL{Value: list}, nil
	}
	return nil, errors.New("sets have no counterpart in a row")
}
