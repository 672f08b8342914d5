package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cloud/runtimetest"
)

// maxBinary is how large a function may be: Lambda loads it at each cold start.
// These are MB as Lambda counts them, whose limit of 250 MB is 262,144,000 bytes.
const maxBinary = 12<<20 + 256<<10

var functions = []string{"dispatch", "probe", "detect", "notify", "sweep", "rollup", "api"}

// build builds packages as the Makefile does for Lambda, for a processor.
func build(tb testing.TB, arch string, overlay map[string]string, packages ...string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	args := []string{"build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", dir + "/"}
	if overlay != nil {
		text, err := json.Marshal(map[string]any{"Replace": overlay})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600)
		}
		if err != nil {
			tb.Fatal(err)
		}
		args = append(args, "-overlay", filepath.Join(dir, "overlay.json"))
	}
	command := exec.Command("go", append(args, packages...)...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("build: %v\n%s", err, out)
	}
	return dir
}

// TestBinarySize: no function is larger than it may be.
func TestBinarySize(t *testing.T) {
	dir := build(t, "arm64", nil, "./...")
	for _, name := range functions {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxBinary {
			t.Errorf("%s: %.1f MB, want at most %.1f: what does it link that it does not need? (go tool nm -size)",
				name, float64(info.Size())/(1<<20), float64(maxBinary)/(1<<20))
		}
	}
}

// minimal is the source of a function that has the same clients and makes one
// call of the table, or none for an empty event: what no function can be quicker
// than.
func minimal(clients []string) string {
	imports, uses := "", ""
	for _, c := range clients {
		imports += fmt.Sprintf("\t%q\n", "github.com/aws/aws-sdk-go-v2/service/"+c)
		uses += fmt.Sprintf("\tkeep = append(keep, %s.NewFromConfig(cfg).%s)\n", c, map[string]string{"sqs": "SendMessageBatch", "sns": "Publish"}[c])
	}
	return `package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
` + imports + `)

var keep []any

func main() {
	cfg := aws.Config{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
	table := dynamodb.NewFromConfig(cfg)
` + uses + `	lambda.Start(func(ctx context.Context, event json.RawMessage) error {
		if string(event) == "{}" {
			return nil
		}
		_, err := table.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(os.Getenv("SONDE_TABLE")), Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "CONFIG"}, "sk": &types.AttributeValueMemberS{Value: "CURRENT"},
		}})
		return err
	})
}
`
}

// BenchmarkColdStart measures, function by function, the time from the start of
// its process to its first answer, beside a minimal function with the same
// clients, one after the other in the same run: the medians and their ratio, for
// an event that asks for nothing (start), and for one that has the function do
// its work, of up to twelve calls of the table, where the minimal one makes one
// (work).
func BenchmarkColdStart(b *testing.B) {
	clients := map[string][]string{"dispatch": {"sqs"}, "detect": {"sqs"}, "notify": {"sns"}, "sweep": {"sns"}}
	overlay, packages := map[string]string{}, []string{"./..."}
	sources := b.TempDir()
	for _, name := range functions {
		file := filepath.Join(sources, name+".go")
		if err := os.WriteFile(file, []byte(minimal(clients[name])), 0o600); err != nil {
			b.Fatal(err)
		}
		path, err := filepath.Abs(filepath.Join("minimal"+name, "main.go"))
		if err != nil {
			b.Fatal(err)
		}
		overlay[path] = file
		packages = append(packages, "./minimal"+name)
	}
	native := strings.TrimSpace(func() string {
		out, err := exec.Command("go", "env", "GOARCH").Output()
		if err != nil {
			b.Fatal(err)
		}
		return string(out)
	}())
	dir, lambda := build(b, native, overlay, packages...), build(b, "arm64", nil, "./...")
	for _, name := range functions {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			w.configure()
			sample := event(b, name)
			info, err := os.Stat(filepath.Join(lambda, name))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/(1<<20), "MB")
			for kind, event := range map[string][]byte{"start": []byte("{}"), "work": sample} {
				var ours, least []time.Duration
				for range max(b.N, 10) {
					ours = append(ours, first(b, filepath.Join(dir, name), event, w.env))
					least = append(least, first(b, filepath.Join(dir, "minimal"+name), event, w.env))
				}
				slices.Sort(ours)
				slices.Sort(least)
				own, bare := ours[len(ours)/2], least[len(least)/2]
				b.ReportMetric(float64(own.Microseconds())/1000, kind+"-ms")
				b.ReportMetric(float64(own)/float64(bare), kind+"-x-minimal")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// first is the time from the start of a process to its first answer.
func first(b *testing.B, binary string, event []byte, env []string) time.Duration {
	b.Helper()
	start := time.Now()
	p, err := runtimetest.Spawn(binary, env...)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Kill()
	if _, err := p.Call(context.Background(), event, start.Add(30*time.Second)); err != nil {
		b.Fatalf("%v\n%s", err, p.Log())
	}
	return time.Since(start)
}
