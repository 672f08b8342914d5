package importer

func (b *builder) blackbox(file File, opts Options) error { return ErrNothing }
