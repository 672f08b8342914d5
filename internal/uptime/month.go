package uptime

import "time"

// MonthName is the name of the month of a zone that a time is in.
func MonthName(t time.Time, zone *time.Location) string { return t.In(zone).Format(monthForm) }

// FreezeAfter is how long after its end a month is frozen: what comes late has
// come by then.
const FreezeAfter = 24 * time.Hour

// Finished is the last month of a zone that is to be frozen by now, and its name.
func Finished(now time.Time, zone *time.Location) (Window, string) {
	local := now.Add(-FreezeAfter).In(zone)
	w := Month(local.Year(), local.Month()-1, zone)
	return w, MonthName(w.From.Add(12*time.Hour), zone)
}

// MonthsOf are the names of the months of a zone that a window shares time with.
func MonthsOf(w Window, zone *time.Location) []string {
	var names []string
	first := w.From.In(zone)
	for year, month := first.Year(), first.Month(); ; month++ {
		of := Month(year, month, zone)
		if !of.From.Before(w.To) {
			return names
		}
		if !of.Intersect(w).IsEmpty() {
			names = append(names, time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Format(monthForm))
		}
	}
}

// due is how many months are frozen at once at most, after a long pause.
const due = 12

// Due are the months of a zone that are to be frozen by now, oldest first, where
// all up to the one named done are; where none ever were, the last finished one.
func Due(done string, now time.Time, zone *time.Location) []Window {
	w, name := Finished(now, zone)
	var months []Window
	for name > done && len(months) < due {
		months = append([]Window{w}, months...)
		if done == "" {
			break
		}
		local := w.From.Add(12 * time.Hour).In(zone)
		w = Month(local.Year(), local.Month()-1, zone)
		name = MonthName(w.From.Add(12*time.Hour), zone)
	}
	return months
}
