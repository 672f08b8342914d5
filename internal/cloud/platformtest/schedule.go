package platformtest

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/cloud/template"
)

// schedule fires a schedule until ctx ends: at once, and then at each multiple
// of its rate. A call that fails is tried again as the schedule says.
func (s *Stack) schedule(ctx context.Context, r template.Resource) {
	arn := r.Text("Target", "Arn")
	id := arn[strings.LastIndex(arn, s.Name+"-")+len(s.Name)+1:]
	f := s.functions[id]
	if f == nil {
		s.complain("schedule %s: no function %s", r.ID, arn)
		return
	}
	rate, err := rateOf(r.Text("ScheduleExpression"))
	if err != nil {
		s.complain("schedule %s: %v", r.ID, err)
		return
	}
	if beat, has := s.opts.Beat[id]; has {
		rate = beat
	}
	for at := time.Now().UTC().Truncate(rate); ctx.Err() == nil; at = at.Add(rate) {
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
		event := strings.ReplaceAll(r.Text("Target", "Input"), "<aws.scheduler.scheduled-time>", at.Format(time.RFC3339))
		s.call(ctx, f, event)
		if now := time.Now().UTC().Truncate(rate); now.After(at) {
			at = now.Add(-rate) // of the beats that were missed the last is made up for
		}
	}
}

// call invokes a function as Scheduler does: it is queued, Lambda runs it, tries
// again as the function's configuration says, and then hands the event to the
// failure destination (Lambda Developer Guide, "Asynchronous invocation").
func (s *Stack) call(ctx context.Context, f *function, event string) {
	retries, destination := 2, ""
	for _, c := range s.Of("AWS::Lambda::EventInvokeConfig") {
		if c.Text("FunctionName") == s.Name+"-"+f.id {
			retries, _ = strconv.Atoi(c.Text("MaximumRetryAttempts"))
			destination = c.Text("DestinationConfig", "OnFailure", "Destination")
		}
	}
	for range retries + 1 {
		if _, err := f.invoke(ctx, []byte(event)); err == nil || ctx.Err() != nil {
			return
		}
	}
	if destination == "" {
		s.complain("%s: a scheduled call is lost: there is no failure destination", f.id)
		return
	}
	s.sendAside(ctx, f, destination, map[string]any{"requestPayload": event, "requestContext": map[string]any{"functionArn": f.id, "condition": "RetriesExhausted"}})
}

// rateOf reads a rate expression (EventBridge Scheduler User Guide, "Schedule
// types").
func rateOf(expression string) (time.Duration, error) {
	inner := strings.TrimSuffix(strings.TrimPrefix(expression, "rate("), ")")
	number, unit, _ := strings.Cut(inner, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, err
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	return time.Duration(n) * units[strings.TrimSuffix(unit, "s")], nil
}
