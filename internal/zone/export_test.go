package zone

// Own is a zone of the package, whatever the system has.
var Own = own
