package pipeline

// Metric is one value that a stage emits.
type Metric struct {
	Name  string
	Unit  string
	Value float64
}

// Units, as CloudWatch calls them.
const (
	Count   = "Count"
	Seconds = "Seconds"
)

// The metrics. Those that are zero are not emitted, but for ChecksRun: silence
// about it means that nothing is checked.
const (
	ChecksRun           = "ChecksRun"           // checks that have a verdict
	ChecksLate          = "ChecksLate"          // dropped: they came later than their interval
	ChecksFailedToRun   = "ChecksFailedToRun"   // without a verdict: Sonde is at fault, or its configuration
	Votes               = "Votes"               // opened by a failing check
	NotificationsSent   = "NotificationsSent"   // taken by the carrier
	NotificationsFailed = "NotificationsFailed" // refused by the carrier, and tried again; or a test that reached nobody
	SecondsToTell       = "SecondsToTell"       // from when a tier was to hear of a beginning, by its policy and the first failing check, to when it was sent
	SetAside            = "SetAside"            // rows and records that could not be read
)

func (p *Pipeline) emit(metrics ...Metric) {
	if p.Emit == nil {
		return
	}
	var worth []Metric
	for _, m := range metrics {
		if m.Value != 0 || m.Name == ChecksRun {
			worth = append(worth, m)
		}
	}
	if len(worth) > 0 {
		p.Emit(worth...)
	}
}
