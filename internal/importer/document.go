package importer

import "go.yaml.in/yaml/v3"

// document is a monitors.yaml in the making. Zero values are left out.
type document struct {
	Site        *siteOut      `yaml:"site,omitempty"`
	Defaults    defaultsOut   `yaml:"defaults,omitempty"`
	Monitors    []*entry      `yaml:"monitors"`
	Services    []*serviceOut `yaml:"services,omitempty"`
	Tiers       []*tierOut    `yaml:"tiers,omitempty"`
	Maintenance []*planOut    `yaml:"maintenance,omitempty"`
}

type defaultsOut struct {
	Every   span `yaml:"every,omitempty"`
	Timeout span `yaml:"timeout,omitempty"`
	Confirm int  `yaml:"confirm,omitempty"`
	Recover int  `yaml:"recover,omitempty"`
}

type siteOut struct {
	Name string `yaml:"name,omitempty"`
	URL  string `yaml:"url,omitempty"`
	Zone string `yaml:"time_zone,omitempty"`
}

// entry is one monitor.
type entry struct {
	ID        string        `yaml:"id"`
	Name      string        `yaml:"name,omitempty"`
	HTTP      *httpOut      `yaml:"http,omitempty"`
	TCP       *tcpOut       `yaml:"tcp,omitempty"`
	TLS       *tlsOut       `yaml:"tls,omitempty"`
	UDP       *udpOut       `yaml:"udp,omitempty"`
	SSH       string        `yaml:"ssh,omitempty"`
	DNS       *dnsOut       `yaml:"dns,omitempty"`
	Domain    string        `yaml:"domain,omitempty"`
	GRPC      *grpcOut      `yaml:"grpc,omitempty"`
	WebSocket *webSocketOut `yaml:"websocket,omitempty"`
	ICMP      *icmpOut      `yaml:"icmp,omitempty"`
	Browser   string        `yaml:"browser,omitempty"`
	Heartbeat *heartbeatOut `yaml:"heartbeat,omitempty"`
	Expect    []string      `yaml:"expect,omitempty"`
	Warn      []string      `yaml:"warn,omitempty"`
	Every     span          `yaml:"every,omitempty"`
	Timeout   span          `yaml:"timeout,omitempty"`
	Recheck   span          `yaml:"recheck,omitempty"`
	Confirm   int           `yaml:"confirm,omitempty"`
	Recover   int           `yaml:"recover,omitempty"`
	Private   bool          `yaml:"private,omitempty"`
	Paused    bool          `yaml:"paused,omitempty"`

	from        *source
	node        *yaml.Node // what it was made of
	path        string
	group       string // heading on the page; empty: none
	description string
	internal    bool
}

type httpOut struct {
	URL       string            `yaml:"url,omitempty"`
	Method    string            `yaml:"method,omitempty"`
	Headers   map[string]string `yaml:"headers,omitempty"`
	Body      string            `yaml:"body,omitempty"`
	JSON      any               `yaml:"json,omitempty"`
	Auth      *authOut          `yaml:"auth,omitempty"`
	Steps     []*stepOut        `yaml:"steps,omitempty"`
	Address   string            `yaml:"address,omitempty"`
	Resolver  string            `yaml:"resolver,omitempty"`
	Family    string            `yaml:"family,omitempty"`
	Version   string            `yaml:"version,omitempty"`
	Redirects string            `yaml:"redirects,omitempty"`
	MaxBody   string            `yaml:"max_body,omitempty"`
	Insecure  bool              `yaml:"insecure,omitempty"`
	CA        string            `yaml:"ca,omitempty"`
	Cert      *certOut          `yaml:"client_cert,omitempty"`
	MinTLS    string            `yaml:"min_tls,omitempty"`
}

type stepOut struct {
	Name    string            `yaml:"name,omitempty"`
	URL     string            `yaml:"url"`
	Method  string            `yaml:"method,omitempty"`
	Headers map[string]string `yaml:"headers,omitempty"`
	Body    string            `yaml:"body,omitempty"`
	JSON    any               `yaml:"json,omitempty"`
	Auth    *authOut          `yaml:"auth,omitempty"`
	Save    map[string]string `yaml:"save,omitempty"`
	Expect  []string          `yaml:"expect,omitempty"`
	Warn    []string          `yaml:"warn,omitempty"`
}

type authOut struct {
	Basic  *basicOut  `yaml:"basic,omitempty"`
	Bearer string     `yaml:"bearer,omitempty"`
	OAuth2 *oauth2Out `yaml:"oauth2,omitempty"`
}

type basicOut struct {
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

type oauth2Out struct {
	TokenURL     string   `yaml:"token_url"`
	ClientID     string   `yaml:"client_id"`
	ClientSecret string   `yaml:"client_secret"`
	Scopes       []string `yaml:"scopes,omitempty"`
}

type certOut struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

type turnOut struct {
	Send      string `yaml:"send,omitempty"`
	SendHex   string `yaml:"send_hex,omitempty"`
	Expect    string `yaml:"expect,omitempty"`
	ExpectHex string `yaml:"expect_hex,omitempty"`
}

type tcpOut struct {
	Address  string    `yaml:"address"`
	Dialogue []turnOut `yaml:"dialogue,omitempty"`
	TLS      bool      `yaml:"tls,omitempty"`
}

type tlsOut struct {
	Address    string   `yaml:"address"`
	ServerName string   `yaml:"server_name,omitempty"`
	StartTLS   string   `yaml:"starttls,omitempty"`
	MinVersion string   `yaml:"min_version,omitempty"`
	Cert       *certOut `yaml:"client_cert,omitempty"`
}

type udpOut struct {
	Address string `yaml:"address"`
	Send    string `yaml:"send,omitempty"`
	Expect  string `yaml:"expect,omitempty"`
}

type dnsOut struct {
	Name      string   `yaml:"name"`
	Type      string   `yaml:"type,omitempty"`
	Resolvers []string `yaml:"resolvers,omitempty"`
	RCode     string   `yaml:"rcode,omitempty"`
	Contains  []string `yaml:"contains,omitempty"`
	Matches   []string `yaml:"matches,omitempty"`
	Needs     string   `yaml:"needs,omitempty"`
}

type grpcOut struct {
	Address    string            `yaml:"address"`
	Service    string            `yaml:"service,omitempty"`
	Plaintext  bool              `yaml:"plaintext,omitempty"`
	Metadata   map[string]string `yaml:"metadata,omitempty"`
	ServerName string            `yaml:"server_name,omitempty"`
	Cert       *certOut          `yaml:"client_cert,omitempty"`
}

type webSocketOut struct {
	URL          string            `yaml:"url"`
	Headers      map[string]string `yaml:"headers,omitempty"`
	Subprotocols []string          `yaml:"subprotocols,omitempty"`
	Dialogue     []turnOut         `yaml:"dialogue,omitempty"`
}

type icmpOut struct {
	Address string `yaml:"address"`
	Count   int    `yaml:"count,omitempty"`
	Family  string `yaml:"family,omitempty"`
}

type heartbeatOut struct {
	Every span `yaml:"every"`
	Grace span `yaml:"grace,omitempty"`
}

type serviceOut struct {
	ID          string   `yaml:"id"`
	Name        string   `yaml:"name,omitempty"`
	Description string   `yaml:"description,omitempty"`
	Group       string   `yaml:"group,omitempty"`
	Monitors    []string `yaml:"monitors,flow"`
	Internal    bool     `yaml:"internal,omitempty"`
}

type tierOut struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name,omitempty"`
	Remind span   `yaml:"remind,omitempty"`
}

type planOut struct {
	ID       string   `yaml:"id"`
	Title    string   `yaml:"title,omitempty"`
	Services []string `yaml:"services,flow"`
	Starts   string   `yaml:"starts,omitempty"`
	Ends     string   `yaml:"ends,omitempty"`
	Cron     string   `yaml:"cron,omitempty"`
	Zone     string   `yaml:"time_zone,omitempty"`
	Duration span     `yaml:"duration,omitempty"`

	from *source
	node *yaml.Node
	path string
}
