package cloud

import "time"

// now is the clock of the functions. It stands in a file of its own so that a
// test can build functions whose clock is wrong (go build -overlay).
func now() time.Time { return time.Now().UTC() }
