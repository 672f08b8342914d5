package sim_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	mutations = flag.Int("mutations", 0, "build the deliberate bugs and play so many seeds until each is found")
	only      = flag.String("bug", "", "only this one of them")
	keep      = flag.String("keep-binary", "", "where to keep the binary with the bugs: SONDE_SIM_BUG=3 is the third of them")
)

// mutation is a deliberate bug: a patch of a shipped source.
type mutation struct {
	name     string
	file     string // below internal
	old, new string // old stands there exactly once, within a function
}

// selector is the environment variable that says which bug a binary has.
const selector = "SONDE_SIM_BUG"

// bugged is a source with all of its bugs in it: beside each function that has one
// stands its twin with the bug, to which it hands over if that is the chosen one. All
// bugs are then in one binary, which is built once.
func bugged(t *testing.T, source string, in map[int]mutation) string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	offset := func(p token.Pos) int { return files.Position(p).Offset }
	type insertion struct {
		at   int
		text string
	}
	var all []insertion
	for n, m := range in {
		if count := strings.Count(source, m.old); count != 1 {
			t.Fatalf("%s holds what is to be patched %d times: bring the mutation up to date:\n%s", m.file, count, m.old)
		}
		at := strings.Index(source, m.old)
		decl := slices.IndexFunc(file.Decls, func(d ast.Decl) bool { return offset(d.Pos()) <= at && at+len(m.old) <= offset(d.End()) })
		if decl < 0 {
			t.Fatalf("%s: it is not within one function", m.name)
		}
		f, is := file.Decls[decl].(*ast.FuncDecl)
		if !is {
			t.Fatalf("%s: it is not within a function", m.name)
		}
		twin := fmt.Sprintf("%sBug%d", f.Name.Name, n)
		text := source[offset(f.Pos()):at] + m.new + source[at+len(m.old):offset(f.End())]
		name := offset(f.Name.Pos()) - offset(f.Pos())
		text = text[:name] + twin + text[name+len(f.Name.Name):]
		call := fmt.Sprintf("%s(%s)", twin, arguments(f))
		if f.Recv != nil {
			call = f.Recv.List[0].Names[0].Name + "." + call
		}
		if f.Type.Results != nil {
			call = "return " + call
		} else {
			call += "; return"
		}
		all = append(all, insertion{offset(f.Body.Lbrace) + 1, fmt.Sprintf(" if simBug == %d { %s };", n, call)})
		all = append(all, insertion{len(source), "\n\n" + text + "\n"})
	}
	slices.SortStableFunc(all, func(a, b insertion) int { return b.at - a.at })
	for _, i := range all {
		source = source[:i.at] + i.text + source[i.at:]
	}
	return source
}

// arguments are a function's parameters, as it hands them on.
func arguments(f *ast.FuncDecl) string {
	var names []string
	for _, p := range f.Type.Params.List {
		for _, name := range p.Names {
			names = append(names, name.Name)
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				names[len(names)-1] += "..."
			}
		}
	}
	return strings.Join(names, ", ")
}

// overlay writes the sources with their bugs, and the file that tells go build of
// them; without a line of shipped code knowing.
func overlay(t *testing.T) (path string, packages []string) {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	put := func(path, text string) {
		to := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = to
	}
	byFile := map[string]map[int]mutation{}
	for i, m := range bugs {
		if byFile[m.file] == nil {
			byFile[m.file] = map[int]mutation{}
		}
		byFile[m.file][i+1] = m
	}
	for file, in := range byFile {
		path, err := filepath.Abs(filepath.Join("..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		put(path, bugged(t, string(source), in))
		if home := filepath.Dir(path); !slices.Contains(packages, home) {
			packages = append(packages, home)
			put(filepath.Join(home, "sim_bug.go"), fmt.Sprintf("package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar simBug, _ = strconv.Atoi(os.Getenv(%q))\n",
				filepath.Base(home), selector))
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, packages
}

// TestMutations builds the simulator with the deliberate bugs in it, and sees that
// seeds find each. Without -mutations it only sees that the bugs still fit the
// sources, and compile.
func TestMutations(t *testing.T) {
	over, packages := overlay(t)
	for _, m := range bugs {
		if seed := found[m.name]; seed < 1 || seed > 1000 {
			t.Errorf("no seed of the first 1,000 is known that finds it: %s", m.name)
		}
	}
	if *mutations == 0 && *keep == "" {
		if out, err := exec.Command("go", append([]string{"build", "-overlay", over}, packages...)...).CombinedOutput(); err != nil {
			t.Fatalf("the bugs do not compile: bring the mutations up to date: %v\n%s", err, out)
		}
		return
	}
	binary := *keep
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "sim.test")
	}
	if out, err := exec.Command("go", "test", "-c", "-overlay", over, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("the bugs do not compile: %v\n%s", err, out)
	}
	if *mutations == 0 {
		return
	}
	play := func(bug, first, seeds int) (out []byte, err error) {
		c := exec.Command(binary, "-test.run", "^TestSeeds$", "-seed", strconv.Itoa(first), "-seeds", strconv.Itoa(seeds), "-shrink=false")
		c.Env = append(os.Environ(), selector+"="+strconv.Itoa(bug))
		return c.CombinedOutput()
	}
	for i, m := range bugs {
		if *only != "" && *only != m.name {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			t.Parallel() // one seed is played on one core
			var out []byte
			var err error
			if at := found[m.name]; at != 0 && at <= *mutations {
				out, err = play(i+1, at, 1)
			}
			if err == nil {
				out, err = play(i+1, 1, *mutations)
			}
			if err == nil {
				t.Fatalf("%d seeds do not find it", *mutations)
			}
			first, _, _ := strings.Cut(string(out), "\n")
			_, rest, _ := strings.Cut(string(out), "seed ")
			seed, _, _ := strings.Cut(rest, "\n")
			if seed == "" {
				t.Fatalf("it failed otherwise: %s\n%s", first, out)
			}
			t.Logf("found by seed %s", seed)
		})
	}
}
