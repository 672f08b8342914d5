// Package importer makes a monitors.yaml of the configuration of another tool:
// Gatus, Upptime, Uptime Kuma or Prometheus' blackbox_exporter.
//
// It is pure: bytes in, a document and warnings out. What can be said in a
// monitors.yaml is carried over. All else is a Warning with its place, what was
// not carried over, and what to do: nothing is passed over in silence. A setting
// that says what Sonde does anyway, or that is about the looks of the other
// tool's page, is not worth a warning where its table says so.
//
// Guarantees: the document is valid, by the same loader that `sonde validate`
// uses; a monitor that is not is left out, with a warning. No secret that the
// source holds is in the document or in a warning: a reference such as
// ${env:APP_TOKEN} stands for it. The same source gives the same result.
//
// An expectation on a JSON value is carried over by the type of the text that it
// is compared with: [BODY].age == 30 becomes body.age == 30, a number.
package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// Limits of a source.
const (
	MaxSource = 8 << 20 // bytes
	maxNodes  = 400_000 // values, aliases expanded: what a bomb exceeds
	maxDepth  = 50
	maxList   = 1000 // warnings that are kept
)

// Tools is what can be imported, by name.
var Tools = []string{"gatus", "upptime", "kuma", "blackbox"}

// File is a source.
type File struct {
	Name string // what warnings call it
	Text []byte
}

// Options say what the source does not.
type Options struct {
	// Home is where the result will run: monitor.Local is one machine; an AWS
	// Region leaves out what Lambda cannot check.
	Home monitor.Location
	// Parameters is where in AWS Parameter Store secrets will be, such as /sonde;
	// none: they will be environment variables.
	Parameters string
	// Prometheus is a prometheus.yml with the targets of a blackbox.yml; no
	// text means none.
	Prometheus File
	// Targets are for the modules of a blackbox.yml, MODULE=TARGET or TARGET
	// for the only module or the one that fits.
	Targets []string
}

// Warning is what was not carried over, or not as it was.
type Warning struct {
	File         string
	Line, Column int    // from 1; 0 where the whole file is meant
	Path         string // endpoints[2].alerts[0].type
	Message      string
	Hint         string // what to do; may be empty
}

// String is file:line:col: warning: path: message (hint).
func (w Warning) String() string {
	var b strings.Builder
	b.WriteString(w.File)
	if w.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", w.Line, w.Column)
	}
	b.WriteString(": warning: ")
	if w.Path != "" {
		b.WriteString(w.Path + ": ")
	}
	b.WriteString(w.Message)
	if w.Hint != "" {
		b.WriteString(" (" + w.Hint + ")")
	}
	return b.String()
}

// Result is a monitors.yaml.
type Result struct {
	Text               []byte
	Monitors, Services int
	Secrets            []monitor.Reference // that it refers to, sorted
	Warnings           []Warning           // in the order of their places
}

// ErrNothing is the error of a source that has nothing to carry over.
var ErrNothing = errors.New("nothing in it can be carried over")

// Import reads the files of a tool, at least one, into one document. With an error
// the Result holds the warnings that came before it.
func Import(tool string, files []File, opts Options) (*Result, error) {
	b := newBuilder(opts)
	read := map[string]func([]File) error{
		"gatus":    b.gatus,
		"upptime":  func(files []File) error { return each(files, b.upptime) },
		"kuma":     func(files []File) error { return each(files, b.kuma) },
		"blackbox": func(files []File) error { return b.blackbox(files, opts) },
	}[tool]
	switch {
	case read == nil:
		return &Result{}, fmt.Errorf("unknown tool %q: expected one of %s", tool, strings.Join(Tools, ", "))
	case opts.Parameters != "" && !isReference("${ssm:"+opts.Parameters+"/A}"):
		return &Result{}, fmt.Errorf("%q is no path of parameters: expected one such as /sonde", opts.Parameters)
	case len(files) == 0:
		return &Result{}, errors.New("no file is given")
	}
	if err := read(files); err != nil {
		return &Result{Warnings: b.sorted()}, err
	}
	return b.finish(tool, files[0].Name)
}

// each reads files that know nothing of one another.
func each(files []File, read func(File) error) error {
	for _, file := range files {
		if err := read(file); err != nil {
			return err
		}
	}
	return nil
}

// sorted is the warnings in the order of their places, file by file.
func (b *builder) sorted() []Warning {
	slices.SortStableFunc(b.warnings, func(x, y Warning) int {
		if x.File != y.File {
			return b.files[x.File] - b.files[y.File]
		}
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
	b.warnings = slices.Compact(b.warnings) // what several targets of a module would say again
	if more := len(b.warnings) - maxList; more > 0 {
		return append(b.warnings[:maxList:maxList], Warning{File: b.warnings[0].File, Message: fmt.Sprintf("and %d more warnings", more)})
	}
	return b.warnings
}
