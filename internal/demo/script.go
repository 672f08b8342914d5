package demo

import (
	"context"
	"time"
)

// Loop is how long the script takes, and Pause how long it is quiet before it
// begins again, at the usual pace.
const Loop = 2 * time.Minute

// scene is one act of the script, at a share of the loop.
type scene struct {
	at   float64
	says string
	do   func(f *Fleet) error
	move bool // the monitors must look at the new balancers
}

var script = []scene{
	{0.08, "the host's maintenance breaks the first load balancer", func(f *Fleet) error {
		primary, _ := f.inUse()
		f.killBalancer(primary)
		f.failOver()
		return nil
	}, false},
	{0.16, "the report page becomes slow", func(f *Fleet) error {
		f.slow.delay.Store(int64(700 * time.Millisecond))
		return nil
	}, false},
	{0.26, "the maintenance breaks the second load balancer too: the application is down", func(f *Fleet) error {
		_, secondary := f.inUse()
		f.killBalancer(secondary)
		return nil
	}, false},
	{0.34, "the report page is fast again", func(f *Fleet) error {
		f.slow.delay.Store(0)
		return nil
	}, false},
	{0.58, "two new load balancers are up; DNS is moved to them, and monitors.yaml says so", func(f *Fleet) error {
		return f.move()
	}, true},
	{0.70, "the old site's certificate has 6 days left", func(f *Fleet) error { return f.certify(6*24*time.Hour + time.Hour) }, false},
	{0.78, "the nightly backup stops reporting", func(f *Fleet) error { f.silent.Store(true); return nil }, false},
	{0.86, "the old site's certificate is renewed", func(f *Fleet) error { return f.certify(90 * 24 * time.Hour) }, false},
	{0.95, "the nightly backup reports again", func(f *Fleet) error { f.silent.Store(false); return nil }, false},
}

// Play runs the script again and again, each loop so long, until ctx ends. It
// tells each scene, and after a move asks for the monitors to be brought in
// line (Config has changed).
func (f *Fleet) Play(ctx context.Context, loop time.Duration, tell func(string), reconfigure func() error) error {
	for {
		begun := time.Now()
		for _, s := range script {
			if !wait(ctx, time.Until(begun.Add(time.Duration(s.at*float64(loop))))) {
				return nil
			}
			tell(s.says)
			if err := s.do(f); err != nil {
				return err
			}
			if s.move {
				if err := reconfigure(); err != nil {
					return err
				}
			}
		}
		if !wait(ctx, time.Until(begun.Add(loop))) {
			return nil
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
