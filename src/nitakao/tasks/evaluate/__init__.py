"""Measure a model on labelled data: pairs, identification, retrieval, clustering, cohorts."""
