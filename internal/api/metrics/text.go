package metrics

import (
	"bytes"
	"strconv"
	"strings"
)

// family is one metric with all its samples: the format wants them together.
type family struct {
	name, help string
	samples    []point
}

type point struct {
	labels []string // name, value, name, value, …
	value  float64
}

func (f *family) add(value float64, labels ...string) {
	f.samples = append(f.samples, point{labels, value})
}

var (
	escapedLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	escapedHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// write writes the family; nothing if it has no samples, so that what is not
// known has no series.
func (f *family) write(out *bytes.Buffer) {
	if len(f.samples) == 0 {
		return
	}
	out.WriteString("# HELP " + f.name + " " + escapedHelp.Replace(f.help) + "\n# TYPE " + f.name + " gauge\n")
	for _, s := range f.samples {
		out.WriteString(f.name)
		for i := 0; i+1 < len(s.labels); i += 2 {
			separator := `,`
			if i == 0 {
				separator = `{`
			}
			out.WriteString(separator + s.labels[i] + `="` + escapedLabel.Replace(strings.ToValidUTF8(s.labels[i+1], "�")) + `"`)
		}
		if len(s.labels) > 0 {
			out.WriteByte('}')
		}
		out.WriteByte(' ')
		out.Write(strconv.AppendFloat(out.AvailableBuffer(), s.value, 'g', -1, 64))
		out.WriteByte('\n')
	}
}
