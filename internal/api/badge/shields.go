package badge

// Shields is what shields.io reads from an endpoint: its schema, version 1.
type Shields struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	LabelColor    string `json:"labelColor,omitempty"`
	IsError       bool   `json:"isError"` // true: a colour in the badge's URL does not apply, so that what is unknown cannot be shown as green
	Style         string `json:"style,omitempty"`
	CacheSeconds  int    `json:"cacheSeconds"`
}

// CacheSeconds is for how long a badge may be kept.
const CacheSeconds = 60

// Shields is the badge for shields.io, which wants a message always.
func (b Badge) Shields() Shields {
	s := Shields{
		SchemaVersion: 1, Label: clean(b.Label), Message: clean(b.Message), Color: b.Colour.Hex(),
		IsError: !b.Known, Style: string(b.Style), CacheSeconds: CacheSeconds,
	}
	if b.Under != nil {
		s.LabelColor = b.Under.Hex()
	}
	if s.Message == "" {
		s.Message = "unknown"
	}
	return s
}
