package expect

import (
	"errors"
	"reflect"
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"github.com/expr-lang/expr/vm/runtime"
)

// Limits of one run. What a target sends decides how often a loop turns and how
// long a text is, so work is counted where it is done; time is not, since the same
// expression must be judged alike on a fast machine and on a slow one. A unit is
// about a tenth of a microsecond.
const (
	maxWork    = 2_000_000
	maxText    = 1 << 20 // bytes of a text that is put together
	maxPattern = 1000    // bytes of a regular expression that is no constant
)

var (
	errWork    = errors.New("it takes too much work: the values are too many, or too long")
	errText    = errors.New("it puts together a text of more than 1 MiB")
	errMatch   = errors.New("matches is for a text and a regular expression")
	errPattern = errors.New("a regular expression from a value is longer than 1000 bytes")
)

// Names under which the meter is called; nobody can write them.
const (
	turnName   = "\x00turn"
	weighName  = "\x00weigh"
	searchName = "\x00search"
	matchName  = "\x00match"
	joinName   = "\x00join"
)

// meter counts the work of one run, and ends it by a panic, which the machine
// makes an error of.
type meter struct{ left int }

func (m *meter) spend(units int) {
	if m.left -= units; m.left < 0 {
		panic(errWork)
	}
}

// turn is one turn of a loop over so many nodes of the tree.
func (m *meter) turn(nodes int) bool {
	m.spend(nodes)
	return true
}

// weigh is a value that is compared, looked into or written out as a whole.
func (m *meter) weigh(v any) any {
	m.count(v)
	return v
}

func (m *meter) count(v any) {
	m.spend(1)
	switch v := v.(type) {
	case string:
		m.spend(len(v) / 16)
	case []string:
		for _, one := range v {
			m.spend(1 + len(one)/16)
		}
	case map[string]string:
		for name, one := range v {
			m.spend(2 + (len(name)+len(one))/16)
		}
	case []any:
		for _, one := range v {
			m.count(one)
		}
	case map[string]any:
		for name, one := range v {
			m.spend(1 + len(name)/16)
			m.count(one)
		}
	}
}

// search is a text that a regular expression goes through, at so many units a
// byte.
func (m *meter) search(v, rate any) any {
	if text, is := v.(string); is {
		perByte, _ := rate.(int)
		m.spend(len(text) * perByte)
	}
	return v
}

// match is a text against a regular expression that is a value itself, and
// compiled for this one use.
func (m *meter) match(v, pattern any) bool {
	text, isText := v.(string)
	source, isPattern := pattern.(string)
	switch {
	case v == nil || pattern == nil:
		return false
	case !isText || !isPattern:
		panic(errMatch)
	case len(source) > maxPattern:
		panic(errPattern)
	}
	m.spend(100 * len(source))
	m.spend(len(text) * rateOf(source))
	form, err := regexp.Compile(source)
	if err != nil {
		panic(err)
	}
	return form.MatchString(text)
}

// rateOf is the units that a byte of text costs a regular expression: at worst
// each of its instructions looks at each byte (16 ns, measured). Most do not.
func rateOf(source string) int {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 1
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 1
	}
	return 1 + len(program.Inst)/16
}

// join adds numbers, or puts texts together.
func (m *meter) join(a, b any) any {
	if x, is := a.(string); is {
		if y, is := b.(string); is {
			if len(x)+len(y) > maxText {
				panic(errText)
			}
			m.spend((len(x) + len(y)) / 16)
			return x + y
		}
	}
	return runtime.Add(a, b)
}

// metered is values with a meter among them.
func metered(values Values) map[string]any {
	m := &meter{left: maxWork}
	out := make(map[string]any, len(values)+5)
	for name, v := range values {
		out[name] = v
	}
	out[turnName], out[weighName], out[searchName], out[matchName], out[joinName] = m.turn, m.weigh, m.search, m.match, m.join
	return out
}

// withMeter adds to an environment what a metered expression calls.
func withMeter(env types.Map) types.Map {
	env[turnName] = types.TypeOf((*meter)(nil).turn)
	env[weighName], env[searchName] = types.TypeOf((*meter)(nil).weigh), types.TypeOf((*meter)(nil).search)
	env[matchName], env[joinName] = types.TypeOf((*meter)(nil).match), types.TypeOf((*meter)(nil).join)
	return env
}

// fitter puts the meter into a tree where a target's values decide how much work
// a node is. It goes from the leaves up.
type fitter struct{ calls int }

var _ ast.Visitor = (*fitter)(nil)

// Visit implements ast.Visitor.
func (f *fitter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		size := &counter{}
		ast.Walk(&n.Node, size)
		n.Node = &ast.BinaryNode{Operator: "&&", Left: f.call(turnName, &ast.IntegerNode{Value: 1 + size.nodes}), Right: n.Node}
	case *ast.BinaryNode:
		f.fitBinary(node, n)
	case *ast.BuiltinNode:
		switch n.Name {
		case "lower", "upper", "trim", "string", "int", "float":
			for i := range n.Arguments {
				n.Arguments[i] = f.heavy(weighName, n.Arguments[i])
			}
		}
	}
}

func (f *fitter) fitBinary(node *ast.Node, n *ast.BinaryNode) {
	switch n.Operator {
	case "matches":
		if pattern, is := n.Right.(*ast.StringNode); !is {
			*node = f.call(matchName, n.Left, n.Right)
		} else if !isLight(n.Left) {
			n.Left = f.call(searchName, n.Left, &ast.IntegerNode{Value: rateOf(pattern.Value)})
		}
	case "==", "!=", "<", ">", "<=", ">=", "in", "not in", "contains", "startsWith", "endsWith":
		n.Left, n.Right = f.heavy(weighName, n.Left), f.heavy(weighName, n.Right)
	case "+":
		if !isLight(n.Left) || !isLight(n.Right) {
			*node = f.call(joinName, n.Left, n.Right)
		}
	}
}

// heavy puts a call around a node whose value may be large.
func (f *fitter) heavy(name string, node ast.Node) ast.Node {
	if isLight(node) {
		return node
	}
	return f.call(name, node)
}

func (f *fitter) call(name string, arguments ...ast.Node) ast.Node {
	f.calls++
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: arguments}
}

// isLight: constants are bounded by the length of the expression, numbers and
// truth values by themselves.
func isLight(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.StringNode, *ast.ConstantNode, *ast.NilNode:
		return true
	case *ast.ArrayNode:
		for _, one := range n.Nodes {
			if !isLight(one) {
				return false
			}
		}
		return true
	case *ast.BinaryNode:
		if n.Operator == ".." {
			return true // counted as memory
		}
	}
	t := node.Type()
	if t == nil {
		return false
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	}
	return false
}

// counter counts nodes.
type counter struct{ nodes int }

// Visit implements ast.Visitor.
func (c *counter) Visit(*ast.Node) { c.nodes++ }

// fit compiles an expression, known to be right, with a meter in it. It reports
// whether there is one: most expressions need none.
func fit(source string, options []expr.Option) (program *vm.Program, has bool, err error) {
	f := &fitter{}
	program, err = expr.Compile(source, append(options, expr.Patch(f))...)
	return program, f.calls > 0, err
}
