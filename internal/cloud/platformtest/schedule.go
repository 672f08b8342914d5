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
	retries, err := strconv.Atoi(r.Text("Target", "RetryPolicy", "MaximumRetryAttempts"))
	if err != nil {
		s.complain("schedule %s: retries: %v", r.ID, err)
		return
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
		for try := 0; try <= retries; try++ {
			if _, err := f.invoke(ctx, []byte(event)); err == nil {
				break
			}
		}
		if late := time.Now().UTC().Truncate(rate); late.After(at) {
			at = late // a beat that was missed is not made up for
		}
	}
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
