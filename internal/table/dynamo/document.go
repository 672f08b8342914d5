package dynamo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// encodeDoc makes the attributes of a document. Numbers stay the text that
// they are: DynamoDB keeps 38 digits.
func encodeDoc(doc []byte) (item, error) {
	if len(doc) == 0 {
		return item{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var members map[string]any
	if err := d.Decode(&members); err != nil {
		return nil, err
	}
	it := make(item, len(members)+6)
	for name, member := range members {
		it[name] = encodeValue(member)
	}
	return it, nil
}

func encodeValue(v any) types.AttributeValue {
	switch v := v.(type) {
	case string:
		return text(v)
	case json.Number:
		return &types.AttributeValueMemberN{Value: v.String()}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}
	case []any:
		list := make([]types.AttributeValue, len(v))
		for i, element := range v {
			list[i] = encodeValue(element)
		}
		return &types.AttributeValueMemberL{Value: list}
	case map[string]any:
		members := make(item, len(v))
		for name, member := range v {
			members[name] = encodeValue(member)
		}
		return &types.AttributeValueMemberM{Value: members}
	default: // null; encoding/json makes nothing else
		return &types.AttributeValueMemberNULL{Value: true}
	}
}

// decodeDoc makes a document of those attributes that are not the row's own,
// in the order of their names.
func decodeDoc(it item) ([]byte, error) {
	return appendMembers(make([]byte, 0, 512), it, func(name string) bool {
		switch name {
		case attrPK, attrSK, attrKind, attrVersion, attrExpires, attrData:
			return false
		}
		return true
	})
}

func appendMembers(doc []byte, it item, wanted func(name string) bool) ([]byte, error) {
	doc = append(doc, '{')
	first := true
	for _, name := range slices.Sorted(maps.Keys(it)) {
		if !wanted(name) {
			continue
		}
		if !first {
			doc = append(doc, ',')
		}
		first = false
		var err error
		if doc, err = appendText(doc, name); err != nil {
			return nil, err
		}
		doc = append(doc, ':')
		if doc, err = appendValue(doc, it[name]); err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return append(doc, '}'), nil
}

func appendValue(doc []byte, value types.AttributeValue) ([]byte, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return appendText(doc, v.Value)
	case *types.AttributeValueMemberN:
		if !json.Valid([]byte(v.Value)) {
			return nil, fmt.Errorf("number %.50q is not JSON", v.Value)
		}
		return append(doc, v.Value...), nil
	case *types.AttributeValueMemberBOOL:
		return fmt.Append(doc, v.Value), nil
	case *types.AttributeValueMemberNULL:
		return append(doc, "null"...), nil
	case *types.AttributeValueMemberL:
		return appendList(doc, v.Value)
	case *types.AttributeValueMemberM:
		return appendMembers(doc, v.Value, func(string) bool { return true })
	}
	return nil, fmt.Errorf("type %T has no counterpart in JSON", value)
}

func appendList(doc []byte, list []types.AttributeValue) ([]byte, error) {
	doc = append(doc, '[')
	for i, element := range list {
		if i > 0 {
			doc = append(doc, ',')
		}
		var err error
		if doc, err = appendValue(doc, element); err != nil {
			return nil, err
		}
	}
	return append(doc, ']'), nil
}

func appendText(doc []byte, s string) ([]byte, error) {
	quoted, err := json.Marshal(s)
	return append(doc, quoted...), err
}
