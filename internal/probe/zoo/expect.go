package zoo

import (
	"fmt"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

func answered(kind, body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
}

// expectations is bodies that make judging them dear.
func expectations(c *cage) {
	judge := func(body string, expect ...string) monitor.Monitor {
		return get(c.serve(says(answered("application/json", body))), expect...)
	}
	list := func(one string, n int) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	c.put("false", judge(`{"state":"red"}`, `body.state == "green"`), "expect", "body.state", `"red"`)
	c.put("a member of nothing", judge(`{}`, `body.a.b.c == 1`), "expect", "body.a.b.c", "nothing")
	c.put("no JSON", judge(`hello`, `body.a == 1`), "expect", "body.a", "nothing")
	c.put("a nest of lists", judge(strings.Repeat("[", 500_000), `body != nil`), "expect", "body", "nothing")
	c.put("a nest of objects", judge(strings.Repeat(`{"a":`, 9000)+"1"+strings.Repeat("}", 9000), `body.a == 1`), "expect", "body.a", "map[")
	c.put("half a million numbers", judge(list("1", 500_000), `len(body) == 1`), "expect", "body", "more than")
	c.put("a quarter million objects", judge(list("{}", 250_000), `len(body) == 1`), "expect", "body", "more than")
	c.put("a loop in a loop in a loop", judge(list("1", 3000), `all(body, let x = #; all(body, let y = #; all(body, # + x + y == 3)))`), "expect", "all(body", "cannot be judged")
	c.put("a loop in a loop", judge(list("1", 20_000), `all(body, let x = #; none(body, # + x == 3))`), "expect", "all(body", "cannot be judged")
	c.put("a loop over a long text", judge(list("1", 5_000)+strings.Repeat(" ", 1<<19), `none(body, text matches "(a|b|c|d|.)*z")`), "expect", "none(body", "cannot be judged")
	c.put("a text that doubles", judge(strings.Repeat("a", 1<<16), doubling()), "expect", "text", "cannot be judged")
	c.put("a number beyond all", judge(`{"n":1e999}`, `body.n > 1`), "expect", "body.n", "")
	c.put("a pattern from the target", judge(`{"p":"(((a{1,500}){1,500}){1,500})"}`, `text matches body.p`), "expect", "body.p", "")
	c.put("keys that hurt", judge(`{"\u001b[31m</script>\r\n\u202e":"\u0000\ud800"}`, `body == 1`), "expect", "body", "map[")
	c.put("a kind that changes", judge(`{"n":{"a":[1]}}`, `body.n > 5`), "expect", "body.n", "cannot be judged")
}

// doubling makes a text twice as long forty times.
func doubling() string {
	var b strings.Builder
	b.WriteString("let a0 = text; ")
	for i := range 40 {
		_, _ = fmt.Fprintf(&b, "let a%d = a%d + a%d; ", i+1, i, i)
	}
	return b.String() + "len(a40) > 5 && text == a0"
}
