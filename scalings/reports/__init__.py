"""Reports: answers as text, JSON, Markdown, LaTeX and figures, one module for each kind of answer."""
