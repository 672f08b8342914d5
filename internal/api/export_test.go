package api

// Patterns lists the patterns of all routes.
func Patterns() []string {
	var list []string
	for _, r := range (&server{}).routes() {
		list = append(list, r.pattern)
	}
	return list
}
