package dynamo_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
	"github.com/sondehq/sonde/internal/table/tabletest"
)

func TestContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		client, name := dynamotest.Table(t)
		return dynamo.New(client, name, now)
	})
}
