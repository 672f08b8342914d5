//go:build !unix

package dynamotest

import "errors"

func lock(string) (unlock func(), err error) {
	return nil, errors.New("tests run DynamoDB Local on Unix only")
}
