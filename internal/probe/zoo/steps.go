package zoo

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func itoa(n int) string { return strconv.Itoa(n) }

// step asks for a path of a target.
func step(address, path string, save ...monitor.Save) monitor.Step {
	return monitor.Step{Name: strings.Trim(path, "/"), Request: monitor.Request{URL: "http://" + address + path, Method: "GET"}, Save: save}
}

// steps is journeys that end early.
func steps(c *cage) {
	journey := func(steps ...monitor.Step) monitor.Monitor {
		m := get("")
		m.HTTP.URL, m.HTTP.Steps = steps[0].URL, steps
		return m
	}
	shop := c.web(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			_, _ = io.WriteString(w, `{"token":"sesame-open","evil":"a\r\nX-Evil: 1","host":"@evil.example:1/","bad":"\u001b[31m</script>"}`)
		case "/long":
			_, _ = fmt.Fprintf(w, `{"token":%q}`, strings.Repeat("x", 100_000))
		case "/list":
			_, _ = io.WriteString(w, `{"token":["a"]}`)
		case "/hijack":
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				reset(conn)
				_ = conn.Close()
			}
		case "/silent":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	save := func(name, from string) monitor.Save { return monitor.Save{Name: name, From: from} }
	failing := step(shop, "/basket")
	failing.Expect = []string{"status == 200"}
	c.put("the second fails", journey(step(shop, "/login"), failing, step(shop, "/pay")), "expect", "step 2 (basket)", "status was 500")
	c.put("the second resets", journey(step(shop, "/login"), step(shop, "/hijack"), step(shop, "/pay")), "reset", "step 2 (hijack): waiting for the first byte", "")
	c.put("the second refuses", journey(step(shop, "/login"), step(c.closed(), "/basket")), "refused", "step 2 (basket): connect to", "")
	c.put("the second is silent", journey(step(shop, "/login"), step(shop, "/silent")), "timeout", "step 2 (silent)", "waiting for the first byte")
	c.put("nothing to save", journey(step(shop, "/login", save("id", "body.id")), step(shop, "/${id}")), "body", "step 1 (login): save id", "gives nothing")
	c.put("a list to save", journey(step(shop, "/list", save("id", "body.token"))), "body", "step 1 (list): save id", "a list or an object")
	c.put("too much to save", journey(step(shop, "/long", save("id", "body.token"))), "body", "step 1 (long): save id", "longer than 8192 bytes")
	inject := step(shop, "/basket")
	inject.Headers = map[string]string{"X-Id": "${id}"}
	c.put("header injection", journey(step(shop, "/login", save("id", "body.evil")), inject), "http", "step 2 (basket)", "holds characters")
	lead := step(shop, "/basket")
	lead.URL = "http://127.0.0.1${id}:1/"
	c.put("leads elsewhere", journey(step(shop, "/login", save("id", "body.host")), lead), "http", "step 2", "what was saved")
	odd := step(shop, "/${id}")
	odd.Expect = []string{"status == 200"}
	c.put("a saved text that hurts", journey(step(shop, "/login", save("id", "body.bad")), odd), "expect", "step 2", "status was 500")
}

// addresses is names with several addresses, of which one is wrong.
func addresses(c *cage) {
	name := func(at string, ips ...string) monitor.Monitor {
		texts := make([]string, len(ips))
		for i, ip := range ips {
			texts[i] = "each.test. 60 IN A " + ip
		}
		_, port, _ := strings.Cut(at, ":")
		m := get("each.test:" + port)
		m.HTTP.Resolver, m.HTTP.Each = c.resolver(records(texts...)), true
		return m
	}
	live, dead := c.serve(says(ok)), c.closed()
	c.put("one is dead", name(live, "127.0.0.1", "127.0.0.2"), "refused", "1 of 2 addresses", "127.0.0.2: connect to")
	enough := name(live, "127.0.0.1", "127.0.0.2")
	enough.HTTP.Needs = 1
	c.put("one is dead, one is enough", enough, "refused", "1 of 2 addresses", "127.0.0.2: connect to").Outcome = monitor.OutcomeDegraded
	c.put("all are dead", name(dead, "127.0.0.1", "127.0.0.2", "127.0.0.3"), "refused", "0 of 3 addresses", "failing: 127.0.0.1, 127.0.0.2, 127.0.0.3")
	c.put("one is a metadata address", name(live, "127.0.0.1", "169.254.169.254"), "blocked", "1 of 2 addresses", "never checked")
	many := make([]string, 40)
	for i := range many {
		many[i] = "127.0.1." + itoa(i+1)
	}
	c.put("too many", name(live, many...), "dns", "look-up of each.test", "40 addresses, of which at most 32")
	c.put("all of them silent", name(c.serve(hold), "127.0.0.1", "127.0.0.1"), "timeout", "0 of 1 addresses", "timeout in")
	flood := name(c.serve(floods("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", Nasty)), "127.0.0.1")
	flood.Expect = []string{`text contains "fine"`}
	c.put("without an end", flood, "expect", "0 of 1 addresses", "text was")
}
