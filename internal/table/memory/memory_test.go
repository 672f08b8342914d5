package memory_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/memory"
	"github.com/sondehq/sonde/internal/table/tabletest"
)

func TestContract(t *testing.T) {
	tabletest.Run(t, func(_ *testing.T, now func() time.Time) table.Table { return memory.New(now) })
}
