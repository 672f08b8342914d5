package cloud

import (
	"encoding/json"
	"io"
	"time"

	"github.com/sondehq/sonde/internal/pipeline"
)

// Namespace and Dimension are where CloudWatch shows the metrics.
const (
	Namespace = "Sonde"
	Dimension = "Stack"
)

// Emitter writes metrics as log lines in CloudWatch's embedded metric format,
// one line a call, which costs no call of AWS (CloudWatch User Guide,
// "Specification: Embedded metric format").
func Emitter(out io.Writer, stack string, now func() time.Time) func(...pipeline.Metric) {
	type definition struct{ Name, Unit string }
	return func(metrics ...pipeline.Metric) {
		line := map[string]any{Dimension: stack}
		var definitions []definition
		for _, m := range metrics {
			definitions = append(definitions, definition{m.Name, m.Unit})
			line[m.Name] = m.Value
		}
		line["_aws"] = map[string]any{
			"Timestamp": now().UnixMilli(),
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace": Namespace, "Dimensions": [][]string{{Dimension}}, "Metrics": definitions,
			}},
		}
		text, err := json.Marshal(line)
		if err != nil {
			return // numbers and texts; NaN cannot occur
		}
		_, _ = out.Write(append(text, '\n'))
	}
}
