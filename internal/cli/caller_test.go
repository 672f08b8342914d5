package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/user"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

// TestCallerWithSudo: who became root with sudo is named, not root.
func TestCallerWithSudo(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := me.Username
	if os.Geteuid() == 0 {
		want = "maria"
	}
	t.Setenv("SUDO_USER", "maria")
	d := newDesk(t)
	id := d.outage()
	d.run(cli.ExitFine, "ack")
	out, _ := d.run(cli.ExitFine, "show", id)
	d.says(out, " by "+want+"\n")
}

// TestCallerOnAWS: STS says who does it, and is asked once; where it does not, the
// record names the user of the machine, and it is said why.
func TestCallerOnAWS(t *testing.T) {
	local, err := url.Parse(dynamotest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	client, table := dynamotest.Table(t)
	credentials(t)
	var asked atomic.Int32
	var denied atomic.Bool
	dynamodb := httputil.NewSingleHostReverseProxy(local)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "" {
			dynamodb.ServeHTTP(w, r)
			return
		}
		asked.Add(1)
		w.Header().Set("Content-Type", "text/xml")
		if denied.Load() {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
			return
		}
		_, _ = fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/ops/maria</Arn><UserId>AROA:maria</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	defer server.Close()
	now := func() time.Time { return time.Now().UTC() }
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{"eu-west-1"},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", TCP: &monitor.TCP{Address: "web.example.com:443"}}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
	}
	if _, err := store.New(dynamo.New(client, table, now), now).PutConfig(context.Background(), cfg, 0, "test"); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, string) {
		t.Helper()
		var out, messages bytes.Buffer
		if code := cli.Run(context.Background(), append(append([]string{"incident"}, args...), "--table", table, "--endpoint-url", server.URL), &out, &messages); code != cli.ExitFine {
			t.Fatalf("%v: exit %d\n%s%s", args, code, &out, &messages)
		}
		return out.String(), messages.String()
	}
	run("open", "slow", "--service", "web", "--impact", "minor", "--text", "x")
	before := asked.Load()
	run("ack")
	if n := asked.Load() - before; n != 1 {
		t.Errorf("STS was asked %d times", n)
	}
	out, _ := run("show")
	if !strings.Contains(out, "by maria (ops)\n") {
		t.Errorf("%s", out)
	}
	if out, _ = run("show", "--json"); !strings.Contains(out, `"by": "arn:aws:sts::123456789012:assumed-role/ops/maria"`) {
		t.Errorf("the record is not the whole of it: %s", out)
	}
	denied.Store(true)
	_, says := run("update", "x")
	if !strings.Contains(says, "AWS does not say who you are, and the record names ") || !strings.Contains(says, "these credentials need the permission sts:GetCallerIdentity") {
		t.Errorf("%s", says)
	}
}
