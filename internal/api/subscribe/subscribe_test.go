package subscribe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/monitor"
)

func known(id monitor.ServiceID) bool { return id == "app" || id == "mail" }

func TestRead(t *testing.T) {
	form, json := "application/x-www-form-urlencoded", "application/json"
	for _, test := range []struct {
		name, kind, body string
		want             subscribe.Request
		err              error
	}{
		{"form", form, "email=a%40example.com", subscribe.Request{Email: "a@example.com"}, nil},
		{"form with services", form, "email=+a%40example.com+&services=mail&services=app&services=app", subscribe.Request{Email: "a@example.com", Services: []monitor.ServiceID{"app", "mail"}}, nil},
		{"JSON", json + "; charset=utf-8", `{"email":"a+b@example.co.uk","services":["app"]}`, subscribe.Request{Email: "a+b@example.co.uk", Services: []monitor.ServiceID{"app"}}, nil},
		{"trap", form, "email=a%40example.com&website=x", subscribe.Request{Email: "a@example.com", Website: "x"}, nil},
		{"no address", form, "", subscribe.Request{}, subscribe.ErrAddress},
		{"no domain", form, "email=a", subscribe.Request{}, subscribe.ErrAddress},
		{"no dot", form, "email=a%40localhost", subscribe.Request{}, subscribe.ErrAddress},
		{"a dot at the end", form, "email=a%40example.", subscribe.Request{}, subscribe.ErrAddress},
		{"a name with it", form, "email=A+<a%40example.com>", subscribe.Request{}, subscribe.ErrAddress},
		{"two", form, "email=a%40example.com,b%40example.com", subscribe.Request{}, subscribe.ErrAddress},
		{"a line break", json, `{"email":"a@example.com\nBcc: b@example.com"}`, subscribe.Request{}, subscribe.ErrAddress},
		{"not ASCII", json, `{"email":"ä@example.com"}`, subscribe.Request{}, subscribe.ErrAddress},
		{"too long", json, `{"email":"` + strings.Repeat("a", 250) + `@example.com"}`, subscribe.Request{}, subscribe.ErrAddress},
		{"unknown service", json, `{"email":"a@example.com","services":["internal"]}`, subscribe.Request{}, subscribe.ErrService},
		{"too large", form, "email=a%40example.com&x=" + strings.Repeat("x", 5000), subscribe.Request{}, subscribe.ErrSize},
		{"broken JSON", json, `{"email":`, subscribe.Request{}, subscribe.ErrForm},
		{"broken form", form, "email=%zz", subscribe.Request{}, subscribe.ErrForm},
		{"neither", "text/plain", "a@example.com", subscribe.Request{}, subscribe.ErrForm},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/subscribe", strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			got, err := subscribe.Read(r, known)
			if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(err, test.err) || (test.err == nil) != (err == nil) {
				t.Errorf("error %v, want %v; (-want +got):\n%s", err, test.err, diff)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(true, `{"email":"a@example.com","services":["app"]}`)
	f.Add(false, "email=a%40example.com&services=app")
	f.Fuzz(func(t *testing.T, isJSON bool, body string) {
		r := httptest.NewRequest(http.MethodPost, "/subscribe", strings.NewReader(body))
		r.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/x-www-form-urlencoded"}[isJSON])
		got, err := subscribe.Read(r, known)
		if err != nil {
			return
		}
		if strings.ContainsAny(got.Email, " \r\n\t<>,;") || strings.Count(got.Email, "@") != 1 || len(got.Email) > 254 {
			t.Errorf("takes %q", got.Email)
		}
		for _, id := range got.Services {
			if !known(id) {
				t.Errorf("takes service %q", id)
			}
		}
	})
}

func TestSource(t *testing.T) {
	for _, test := range []struct {
		name, remote, forwarded string
		want                    subscribe.Source
	}{
		{"direct", "203.0.113.9:4711", "", subscribe.Source{Visitor: "203.0.113.9", Connection: "203.0.113.9"}},
		{"the gateway names itself", "203.0.113.9:0", "203.0.113.9", subscribe.Source{Visitor: "203.0.113.9", Connection: "203.0.113.9"}},
		{"behind a proxy", "198.51.100.1:0", "10.0.0.1, 203.0.113.9, 198.51.100.1", subscribe.Source{Visitor: "203.0.113.9", Connection: "198.51.100.1"}},
		{"invented", "203.0.113.9:0", "unknown, <script>", subscribe.Source{Visitor: "203.0.113.9", Connection: "203.0.113.9"}},
		{"IPv6", "[2001:db8:1:2:3:4:5:6]:1", "", subscribe.Source{Visitor: "2001:db8:1:2::/64", Connection: "2001:db8:1:2::/64"}},
		{"IPv4 in IPv6", "[::ffff:203.0.113.9]:1", "", subscribe.Source{Visitor: "203.0.113.9", Connection: "203.0.113.9"}},
	} {
		r := httptest.NewRequest(http.MethodPost, "/subscribe", nil)
		r.RemoteAddr = test.remote
		r.Header.Set("X-Forwarded-For", test.forwarded)
		if got := subscribe.SourceOf(r); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

// book is a Topic and a Counter in memory.
type book struct {
	counts map[string]int64
	sent   []string
	err    error
}

func (b *book) Allow(_ context.Context, what, subject string, limit int64, _ time.Duration) (bool, error) {
	key := what + " " + subject
	if b.counts[key] >= limit {
		return false, nil
	}
	b.counts[key]++
	return true, nil
}

func (b *book) Subscribe(_ context.Context, tier monitor.TierID, email string, _ []monitor.ServiceID) error {
	b.sent = append(b.sent, string(tier)+" "+email)
	return b.err
}

func TestTake(t *testing.T) {
	ctx := context.Background()
	b := &book{counts: map[string]int64{}}
	desk := subscribe.Desk{Topic: b, Counter: b}
	take := func(visitor, email, website string) error {
		return desk.Take(ctx, "customers", subscribe.Source{Visitor: visitor, Connection: "proxy"}, subscribe.Request{Email: email, Website: website})
	}
	// One address from many visitors: the answers are the same, the mails end.
	for i := range 6 {
		if err := take(fmt.Sprint("v", i), map[bool]string{true: "A@example.com", false: "a@example.com"}[i%2 == 0], ""); err != nil {
			t.Errorf("visitor %d: %v", i, err)
		}
	}
	if len(b.sent) != 3 {
		t.Errorf("sent: %q", b.sent)
	}
	if err := take("robot", "b@example.com", "https://spam.example"); err != nil || len(b.sent) != 3 {
		t.Errorf("trap: %v, sent %q", err, b.sent)
	}
	// One visitor with many addresses.
	for i := range 5 {
		if err := take("one", fmt.Sprintf("c%d@example.com", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := take("one", "c9@example.com", ""); !errors.Is(err, subscribe.ErrMany) {
		t.Errorf("the sixth: %v", err)
	}
	// One connection that invents visitors.
	var last error
	for i := range 60 {
		last = take(fmt.Sprint("invented", i), fmt.Sprintf("d%d@example.com", i), "")
	}
	if !errors.Is(last, subscribe.ErrMany) {
		t.Errorf("invented visitors: %v", last)
	}
	b.counts, b.err = map[string]int64{}, errors.New("no topic")
	if err := take("v", "e@example.com", ""); err == nil || errors.Is(err, subscribe.ErrMany) {
		t.Errorf("a topic that fails: %v", err)
	}
}
