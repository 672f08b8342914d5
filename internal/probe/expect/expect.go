// Package expect judges the expressions of expect: and warn:, written in the
// language of github.com/expr-lang/expr, on what a check found.
//
// One environment serves all kinds of monitors; a name that a kind does not
// know is an error when the file is read:
//
//	status         number   HTTP status                                  http
//	body           any      the body, if it is JSON of at most 50,000
//	                        values; otherwise nil                        http
//	text           text     the body, as much of it as was read          http
//	headers        map      headers of the answer, names in lower case   http
//	cookies        map      cookies that the next request would send     http
//	hops           number   requests made, redirects included            http
//	request_ms, token_ms
//	               number   milliseconds to send the request, to fetch
//	                        an OAuth2 token                              http
//	cert_days      number   whole days until the chain's first end       http, tls, grpc, websocket, tcp with tls
//	issuer         text     who signed the leaf                          tls
//	names          list     names and addresses that the leaf is for     tls
//	version        text     1.2, 1.3                                     tls
//	cipher         text     TLS_AES_128_GCM_SHA256, ...                  tls
//	ocsp           text     none, good, revoked or unknown: the staple   tls
//	banner         text     first line that came                         tcp with a dialogue, ssh
//	captures       map      named groups of the dialogue's expressions   tcp, udp, websocket
//	text           text     the answer                                   udp
//	fingerprint    text     SHA256:... of the host key                   ssh
//	dns_ms, connect_ms, tls_ms, ttfb_ms, transfer_ms, total_ms
//	               number   milliseconds of each phase                   all but heartbeat
//	address        text     ip:port that was spoken to                   all but heartbeat
//	health         text     SERVING, NOT_SERVING, ...                    grpc
//	code           number   gRPC status code; -1 where there is none     grpc
//	text           text     the newest message                           websocket
//	subprotocol    text     what the server chose                        websocket
//	close_code     number   what the server closed with; 0: it did not   websocket
//	loss           number   share of requests without answer, 0–1        icmp
//	rtt_ms         number   mean milliseconds of an echo                 icmp
//	nav_ms, lcp_ms number   milliseconds until the first page had loaded, and
//	                        until its largest part was there             browser
//	requests, failed_requests, console_errors
//	               number   of the whole journey                         browser
//	title, url, text
//	               text     of the page that it ended on                 browser
//	answers        list     answers of all resolvers, sorted             dns
//	rcode          text     NOERROR, NXDOMAIN, …, the worst of all       dns
//	ttl            number   seconds, the largest TTL of all answers      dns
//	share          number   of the servers that answer as expected, 0–1  dns
//	ad             truth    all answers are validated by DNSSEC          dns
//	serials_agree  truth    all servers have the same SOA serial         dns
//	days           number   whole days until the registration ends       domain
//	registrar      text     who registered the name                      domain
//	status         list     states of the registration                   domain
//	age_s          number   seconds since the job last ended             heartbeat
//	run_s          number   seconds that the last run took; 0: not known heartbeat
//	running        truth    the job has begun, and not ended since       heartbeat
//	exit_code      number   of the last end                              heartbeat
//	text           text     what the job sent when it last ended         heartbeat
//
// With these go expr's operators, and the functions len, lower, upper, trim,
// any, all, none, count, int, float, string, has (nothing else): no function
// reads a clock or a file, and none is unbounded.
//
// An expression is bounded in size when it is compiled, and in memory and work
// when it is run, whatever a target has sent: see meter.go. One that fails while
// it runs (a member of nothing, too much work) is false, and says why.
package expect

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	exprfile "github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/sondehq/sonde/internal/monitor"
)

// Limits.
const (
	MaxLength = 1000    // bytes of an expression
	maxNodes  = 500     // of its tree
	maxMemory = 100_000 // values made while it runs
)

// Values is what an expression is judged on, by name.
type Values map[string]any

// Program is a compiled expression. It may be run from several goroutines.
type Program struct {
	program *vm.Program
	metered bool   // it must be run on metered values
	uses    []path // what it reads, in order of appearance
}

// path is a value that an expression reads: status, body.user.name.
type path struct {
	text string
	eval *vm.Program
}

// Error is why an expression cannot be compiled.
type Error struct {
	Line, Column int // from 1
	Message      string
	Name         string   // the name that is not known; empty for other errors
	Known        []string // the names that are, then
}

func (e *Error) Error() string { return e.Message }

// AsError returns the place and hint of an error from Compile.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

var phases = []string{"dns_ms", "connect_ms", "tls_ms", "ttfb_ms", "transfer_ms", "total_ms"}

// environment is the names that a kind knows, with their types.
func environment(kind monitor.Kind) types.Map {
	env := types.Map{}
	if kind != monitor.KindHeartbeat {
		for _, name := range phases {
			env[name] = types.Float
		}
		env["address"] = types.String
	}
	switch kind {
	case monitor.KindHTTP:
		env["status"], env["text"], env["cert_days"] = types.Int, types.String, types.Int
		env["headers"], env["cookies"], env["body"] = types.TypeOf(map[string]string{}), types.TypeOf(map[string]string{}), types.Any
		env["hops"], env["request_ms"], env["token_ms"] = types.Int, types.Float, types.Float
	case monitor.KindTCP:
		env["banner"], env["captures"], env["cert_days"] = types.String, types.TypeOf(map[string]string{}), types.Int
	case monitor.KindUDP:
		env["text"], env["captures"] = types.String, types.TypeOf(map[string]string{})
	case monitor.KindSSH:
		env["banner"], env["fingerprint"] = types.String, types.String
	case monitor.KindTLS:
		env["cert_days"], env["names"] = types.Int, types.TypeOf([]string{})
		for _, name := range []string{"issuer", "version", "cipher", "ocsp"} {
			env[name] = types.String
		}
	case monitor.KindDNS:
		env["answers"], env["rcode"] = types.TypeOf([]string{}), types.String
		env["ttl"], env["share"] = types.Int, types.Float
		env["ad"], env["serials_agree"] = types.Bool, types.Bool
	case monitor.KindDomain:
		env["days"], env["registrar"], env["status"] = types.Int, types.String, types.TypeOf([]string{})
	case monitor.KindGRPC:
		env["health"], env["code"], env["cert_days"] = types.String, types.Int, types.Int
	case monitor.KindWebSocket:
		env["status"], env["text"], env["captures"], env["cert_days"] = types.Int, types.String, types.TypeOf(map[string]string{}), types.Int
		env["subprotocol"], env["close_code"] = types.String, types.Int
	case monitor.KindBrowser:
		env["nav_ms"], env["lcp_ms"] = types.Float, types.Float
		env["requests"], env["failed_requests"], env["console_errors"] = types.Int, types.Int, types.Int
		env["title"], env["url"], env["text"] = types.String, types.String, types.String
	case monitor.KindICMP:
		env["loss"], env["rtt_ms"] = types.Float, types.Float
	case monitor.KindHeartbeat:
		env["age_s"], env["run_s"], env["running"] = types.Float, types.Float, types.Bool
		env["exit_code"], env["text"] = types.Int, types.String
	}
	return env
}

var functions = []string{"len", "lower", "upper", "trim", "any", "all", "none", "count", "int", "float", "string"}

func options(kind monitor.Kind) []expr.Option {
	opts := []expr.Option{expr.Env(withMeter(environment(kind))), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins()}
	for _, name := range functions {
		opts = append(opts, expr.EnableBuiltin(name))
	}
	return append(opts, expr.Function("has", func(args ...any) (any, error) { return args[0] != nil, nil }, new(func(any) bool)))
}

// Compile checks an expression and its types for a kind of monitor. Its error
// is an *Error.
func Compile(source string, kind monitor.Kind) (*Program, error) {
	// What comes out of body is of any type: whether it is a truth value shows
	// when it runs.
	return compile(source, kind, expr.AsBool())
}

// CompileValue checks an expression that may give anything, for Value. Its error
// is an *Error.
func CompileValue(source string, kind monitor.Kind) (*Program, error) { return compile(source, kind) }

func compile(source string, kind monitor.Kind, more ...expr.Option) (*Program, error) {
	if len(source) > MaxLength {
		return nil, &Error{Line: 1, Column: 1, Message: fmt.Sprintf("the expression is longer than %d bytes", MaxLength)}
	}
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Line: 1, Column: 1, Message: "the expression is empty"}
	}
	seen := &reads{}
	// Once for its errors and types, which the calls of the meter would hide.
	if _, err := expr.Compile(source, append(append(options(kind), expr.Patch(seen)), more...)...); err != nil {
		return nil, explain(err, kind)
	}
	program, has, err := fit(source, append(options(kind), more...))
	if err != nil {
		return nil, explain(err, kind)
	}
	p := &Program{program: program, metered: has}
	for _, text := range seen.texts() {
		eval, err := expr.Compile(text, options(kind)...)
		if err == nil {
			p.uses = append(p.uses, path{text: text, eval: eval})
		}
	}
	return p, nil
}

var unknownName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`unknown name (\w+)`) })

func explain(err error, kind monitor.Kind) *Error {
	out := &Error{Line: 1, Column: 1, Message: "the expression cannot be read: " + firstLine(err.Error())}
	if strings.Contains(err.Error(), "expected bool") {
		out.Message = "the expression gives no truth value: compare it with something, such as total_ms < 2000"
		return out
	}
	var e *exprfile.Error
	if !errors.As(err, &e) {
		return out
	}
	out.Line, out.Column = e.Line, e.Column+1
	out.Message = "the expression cannot be read: " + e.Message
	if m := unknownName().FindStringSubmatch(e.Message); m != nil {
		out.Message = fmt.Sprintf("%s monitors have no %q", kind, m[1])
		out.Name, out.Known = m[1], Names(kind)
	}
	return out
}

// Names lists the names that a kind knows, sorted.
func Names(kind monitor.Kind) []string {
	var names []string
	for name := range environment(kind) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// reads collects what an expression reads, while it is compiled.
type reads struct{ found []string }

// Visit implements ast.Visitor.
func (r *reads) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode, *ast.MemberNode:
		text := n.String()
		if !strings.ContainsAny(text, "()#") {
			r.found = append(r.found, text)
		}
	}
}

// texts leaves out what is only the beginning of a longer path.
func (r *reads) texts() []string {
	var out []string
	for _, text := range r.found {
		isPart := slices.ContainsFunc(r.found, func(other string) bool {
			return len(other) > len(text) && strings.HasPrefix(other, text) && strings.ContainsAny(other[len(text):len(text)+1], ".[?")
		})
		if !isPart && !slices.Contains(out, text) && !slices.Contains(functions, text) && text != "has" {
			out = append(out, text)
		}
	}
	return out
}

// Eval judges the expression. shown names the values that it was judged on:
// "status was 503".
func (p *Program) Eval(values Values) (ok bool, shown string) {
	out, err := p.run(values)
	shown = p.show(values)
	if err != nil {
		return false, strings.TrimPrefix(shown+", cannot be judged: "+printable(firstLine(err.Error()), maxShown), ", ")
	}
	ok, _ = out.(bool)
	return ok, shown
}

// Value is what the expression gives: nil, too, where it cannot be judged.
func (p *Program) Value(values Values) any {
	out, err := p.run(values)
	if err != nil {
		return nil
	}
	return out
}

func (p *Program) run(values Values) (any, error) {
	machine := vm.VM{MemoryBudget: maxMemory}
	if p.metered {
		return machine.Run(p.program, metered(values))
	}
	return machine.Run(p.program, map[string]any(values))
}
